"""Curves with a known answer."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from runner.insight.curves import Curves, EvalPoint
from runner.insight.train_curve import TrainCurve


def train_curve(losses: Sequence[float], grad_norms: Sequence[float] | None = None) -> TrainCurve:
    """One step per loss."""
    n = len(losses)
    ones = [1.0] * n
    return TrainCurve.of(
        epoch=[s / 100 for s in range(1, n + 1)],
        loss=losses,
        lr=ones,
        grad_norm=grad_norms or ones,
        tokens=ones,
        seconds=ones,
        accuracy=ones,
    )


def evals(losses: Sequence[float], every: int = 10) -> tuple[EvalPoint, ...]:
    return tuple(EvalPoint(i * every, loss, 64) for i, loss in enumerate(losses))


def make(
    val: Sequence[float], probe: Sequence[float] | None = None, train: Sequence[float] = (), over: bool = True
) -> Curves:
    """Curves with an evaluation every ten steps, each saved."""
    sets = {"val": evals(val)} | ({"train_probe": evals(probe)} if probe is not None else {})
    return Curves(
        train=train_curve(train or [1.0] * (10 * len(val))),
        evals=sets,
        checkpoints=tuple(range(10, 10 * len(val), 10)),
        total_steps=10 * len(val),
        steps_per_epoch=20,
        trainable_parameters=1000,
        is_over=over,
    )


def falling(n: int, start: float = 2.5, end: float = 1.2, rate: float = 0.5) -> list[float]:
    return [end + (start - end) * math.exp(-rate * i) for i in range(n)]


def overfit(n: int, best: int, rise: float, start: float = 2.5, low: float = 1.2) -> list[float]:
    """Falls until `best`, then rises in a straight line by `rise` of its lowest until the end."""
    return [
        low + (start - low) * math.exp(-0.9 * i)
        if i < best
        else low * (1 + rise * (i - best) / (n - 1 - best))
        for i in range(n)
    ]


def noisy(values: Sequence[float], sigma: float, seed: int) -> list[float]:
    rng = random.Random(seed)
    return [value * (1 + rng.gauss(0, sigma)) for value in values]
