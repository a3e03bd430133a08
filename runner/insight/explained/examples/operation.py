"""Runs whose machine or settings are the matter."""

from __future__ import annotations

import math
from dataclasses import replace

from runner.insight.curves import EvalPoint, Liveness, MemoryPoint
from runner.insight.diagnosis.operating_conditions import expected_rate
from runner.insight.explained.examples.shapes import EVERY, PEAK, STEPS, evaluated, falling, noisy, rates, run
from runner.insight.explained.explanation import Example
from runner.insight.train_curve import TrainCurve

LONG = 600
# A learning rate is drawn in units of 1e-4.
SHOWN = 1e4
OVERFLOWS_FROM = 150


def stalled() -> Example:
    curves = run(noisy(falling(STEPS)), evaluated(falling(STEPS + 1)), over=False)
    silent = Liveness(900.0, 0.0, where="The trainer waits in the data loader.")
    return Example.of(replace(curves, total_steps=2 * STEPS, schedule=None, liveness=silent))


def memory_short() -> Example:
    growing = noisy([18_000 + 4_000 * i / LONG for i in range(LONG)], 0.004)
    points = tuple(MemoryPoint(i + 1, growing[i]) for i in range(0, LONG, 10))
    curves = replace(run(noisy(falling(LONG)), over=False), memory=points, schedule=None)
    line = TrainCurve.of(step=[p.step for p in points], loss=[(p.reserved or 0.0) / 1024 for p in points])
    drawn = replace(curves, train=line, evals={}, steps_per_epoch=None)
    return Example(curves, drawn, "reserved GPU memory (GiB)", "", "")


def off_schedule() -> Example:
    lr = [
        rate if i < STEPS // 2 else PEAK * (1 - (i - STEPS // 2) / STEPS)
        for i, rate in enumerate(rates(STEPS))
    ]
    losses = noisy(falling(STEPS))
    planned = run(losses)
    curves = replace(run(losses, lr=lr), schedule=planned.schedule)
    points = tuple(
        EvalPoint(step, SHOWN * (expected_rate(curves, step) or 0.0)) for step in range(EVERY, STEPS, EVERY)
    )
    drawn = replace(
        curves, train=replace(curves.train, loss=SHOWN * curves.train.lr), evals={"train_probe": points}
    )
    return Example(curves, drawn, "learning rate (in 1e-4)", "", "what the schedule says")


def steps_skipped() -> Example:
    norms = noisy([1.0] * STEPS, 0.2, 3)
    for i in range(OVERFLOWS_FROM, STEPS, 6):
        norms[i] = math.inf
    curves = run(noisy(falling(STEPS)), evaluated(falling(STEPS + 1)), norms=norms, lr=rates(STEPS))
    drawn = replace(curves, train=replace(curves.train, loss=curves.train.grad_norm), evals={})
    return Example(curves, drawn, "gradient norm (×: not finite)", "", "")
