"""Runs that are broken."""

from __future__ import annotations

import math
from dataclasses import replace

from runner.insight.explained.examples.shapes import STEPS, evaluated, falling, noisy, run
from runner.insight.explained.explanation import Example

BREAK = 150


def non_finite() -> Example:
    losses = noisy(falling(STEPS))
    return Example.of(run([*losses[:BREAK], *[math.nan] * (STEPS - BREAK)], evaluated(falling(BREAK))))


def evaluation_nan() -> Example:
    points = evaluated(falling(STEPS + 1))
    broken = tuple(replace(p, loss=math.nan) if p.step > BREAK else p for p in points)
    return Example.of(run(noisy(falling(STEPS)), broken))


def nothing_trained() -> Example:
    points = evaluated([2.4] * (STEPS + 1), scatter=0)
    return Example.of(run([0.0] * STEPS, points, norms=[0.0] * STEPS))


def divergence() -> Example:
    gone = [1 if i < 120 else 1 + 2.0 * (1 - math.exp(-(i - 120) / 25)) for i in range(STEPS)]
    losses = [loss * factor for loss, factor in zip(falling(STEPS), gone, strict=True)]
    return Example.of(run(noisy(losses), evaluated([2.4, *losses]), lr=[2e-3] * STEPS))


def resume_break() -> Example:
    losses = falling(STEPS)
    after = [loss * (1.5 if i >= BREAK else 1.0) for i, loss in enumerate(losses)]
    return Example.of(replace(run(noisy(after)), resumed_at=(BREAK,)))
