"""What is said of a run without anything being wrong."""

from __future__ import annotations

from dataclasses import replace

from runner.insight.explained.examples.shapes import PER_EPOCH, STEPS, evaluated, falling, noisy, run
from runner.insight.explained.explanation import Example

SPIKES = {90: 2.8, 170: 2.2}


def converged() -> Example:
    return Example.of(run(noisy(falling(STEPS, end=0.0002, over=18))))


def spike() -> Example:
    learned = falling(STEPS + 1)
    losses = [loss * SPIKES.get(i, 1.0) for i, loss in enumerate(noisy(learned[1:]))]
    norms = [n * 5 * SPIKES[i] if i in SPIKES else n for i, n in enumerate(noisy([1.0] * STEPS, 0.2, 3))]
    return Example.of(run(losses, evaluated(learned), norms=norms))


def epoch_step() -> Example:
    learned = falling(STEPS + 1)
    seen = [loss * 0.85 ** (i // PER_EPOCH) for i, loss in enumerate(learned[:-1])]
    rows = evaluated([loss * 0.9 ** (i / PER_EPOCH) for i, loss in enumerate(learned)], seed=4)
    curves = run(noisy(seen, 0.02), evaluated(learned))
    return Example.of(replace(curves, evals={**curves.evals, "train_probe": rows}))
