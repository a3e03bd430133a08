"""Losses with a known shape, the same at every call."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence

from runner.insight.curves import Curves, EvalPoint, Metric, Schedule
from runner.insight.train_curve import TrainCurve

STEPS = 240
PER_EPOCH = 80
EVERY = 20
PEAK = 2e-4
ROWS = 200


def falling(n: int, start: float = 2.4, end: float = 1.3, over: float = 60) -> list[float]:
    """n losses from `start` towards `end`, nearer by a factor e every `over` steps."""
    return [end + (start - end) * math.exp(-i / over) for i in range(n)]


def up_from(values: Sequence[float], at: int, share: float) -> list[float]:
    """The same up to index `at`, then in a straight line up by this share of that value at the end."""
    low, rest = values[at], max(1, len(values) - 1 - at)
    return [value if i <= at else low * (1 + share * (i - at) / rest) for i, value in enumerate(values)]


def noisy(values: Sequence[float], scatter: float = 0.04, seed: int = 1) -> list[float]:
    """Each times a log-normal factor with this standard deviation."""
    drawn = random.Random(seed)
    return [value * math.exp(drawn.gauss(0, scatter)) for value in values]


def evaluated(losses: Sequence[float], scatter: float = 0.003, seed: int = 2) -> tuple[EvalPoint, ...]:
    """Evaluations every EVERY steps of the losses after each step (index 0: before training)."""
    chosen = noisy(losses[::EVERY], scatter, seed)
    return tuple(EvalPoint(EVERY * i, loss, ROWS) for i, loss in enumerate(chosen))


def rates(n: int) -> list[float]:
    """A linear schedule without warm-up: the rate that each step is made with."""
    return [PEAK * (1 - i / n) for i in range(n)]


def run(
    train: Sequence[float],
    val: Sequence[EvalPoint] = (),
    rows: Sequence[EvalPoint] = (),
    *,
    norms: Sequence[float] | None = None,
    lr: Sequence[float] | None = None,
    accuracy: Sequence[float] | None = None,
    metrics: Mapping[str, Sequence[float]] | None = None,
    over: bool = True,
) -> Curves:
    """A run of one entry a step with these train losses, held-out evaluations, and evaluations of training rows."""
    n = len(train)
    sets = {name: tuple(points) for name, points in (("val", val), ("train_probe", rows)) if points}
    entries = TrainCurve.of(
        loss=train,
        epoch=[step / PER_EPOCH for step in range(1, n + 1)],
        lr=lr or rates(n),
        grad_norm=norms or noisy([1.0] * n, 0.2, 3),
        accuracy=accuracy or [math.nan] * n,
        time=[2.0 * step for step in range(1, n + 1)],
    )
    told = {name: Metric(entries.step, entries.step * 0 + values) for name, values in (metrics or {}).items()}
    return Curves(
        train=entries,
        evals=sets,
        checkpoints=tuple(range(EVERY, n + 1, EVERY)),
        total_steps=n,
        steps_per_epoch=PER_EPOCH,
        trainable_parameters=1_000_000,
        is_over=over,
        schedule=Schedule("linear", PEAK) if lr is None else None,
        metrics=told,
    )
