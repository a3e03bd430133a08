"""Runs of reinforcement and preference learning. What is drawn as a line is what the finding is about."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from runner.insight.explained.examples.shapes import STEPS, falling, noisy, run
from runner.insight.explained.explanation import Example

SHARE = [i / STEPS for i in range(STEPS)]


def _scattered(values: Sequence[float], by: float, seed: int = 6) -> list[float]:
    drawn = random.Random(seed)
    return [value + drawn.gauss(0, by) for value in values]


def _improving() -> list[float]:
    return _scattered([0.2 + 0.6 * (1 - math.exp(-4 * s)) for s in SHARE], 0.04)


def _shown(metrics: Mapping[str, Sequence[float]], name: str, words: str) -> Example:
    curves = replace(run([0.01] * STEPS, metrics=metrics), steps_per_epoch=None)
    drawn = replace(curves, train=replace(curves.train, loss=curves.metrics[name].value), evals={})
    return Example(curves, drawn, words, "", "")


def reward_flat() -> Example:
    return _shown({"reward": _scattered([0.3 - 0.02 * s for s in SHARE], 0.05)}, "reward", "reward")


def kl_runaway() -> Example:
    kl = noisy([0.05 + 0.1 * s + (12 * ((s - 0.75) / 0.25) ** 2 if s > 0.75 else 0) for s in SHARE], 0.15)
    return _shown({"reward": _improving(), "kl": kl}, "kl", "kl (nats)")


def entropy_collapse() -> Example:
    entropy = noisy(falling(STEPS, 1.4, 0.01, 30), 0.1)
    return _shown({"reward": _improving(), "entropy": entropy}, "entropy", "entropy (nats a token)")


def length_limit() -> Example:
    cut = [min(1.0, max(0.0, v)) for v in _scattered([1 - 0.8 * math.exp(-5 * s) for s in SHARE], 0.03)]
    return _shown(
        {"reward": _improving(), "completions/clipped_ratio": cut},
        "completions/clipped_ratio",
        "share of completions cut off",
    )


def chosen_falling() -> Example:
    chosen, rejected = (_scattered([depth * s for s in SHARE], 0.2, 7 - int(depth)) for depth in (-4, -9))
    margins = [one - other for one, other in zip(chosen, rejected, strict=True)]
    return _shown(
        {"rewards/chosen": chosen, "rewards/rejected": rejected, "rewards/margins": margins},
        "rewards/chosen",
        "rewards/chosen (nats times beta)",
    )
