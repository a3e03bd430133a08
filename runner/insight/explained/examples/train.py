"""Train losses that say something by themselves."""

from __future__ import annotations

from runner.insight.explained.examples.shapes import PEAK, STEPS, evaluated, falling, noisy, run, up_from
from runner.insight.explained.explanation import Example


def plateau() -> Example:
    learned = falling(STEPS + 1, over=8)
    return Example.of(run(noisy(learned[1:], 0.008), evaluated(learned, 0.001), lr=[PEAK] * STEPS))


def rate_too_high() -> Example:
    losses = noisy([2.4] * STEPS, 0.4)
    points = evaluated([2.3 + 0.2 * i / STEPS for i in range(STEPS + 1)], 0.02)
    return Example.of(run(losses, points, lr=[2e-3] * STEPS))


def not_learning() -> Example:
    flat = [2.4 - 0.01 * i / STEPS for i in range(STEPS + 1)]
    return Example.of(run(noisy(flat[1:], 0.03), evaluated(flat, 0.0004), lr=[1e-7] * STEPS))


def train_rising() -> Example:
    losses = up_from(falling(STEPS, 2.4, 1.4, 25), 70, 0.2)
    return Example.of(run(noisy(losses, 0.02)))
