"""What can become of the held-out loss."""

from __future__ import annotations

from dataclasses import replace

from runner.insight.curves import AnswerPoint
from runner.insight.explained.examples.shapes import PER_EPOCH, STEPS, evaluated, falling, noisy, run, up_from
from runner.insight.explained.explanation import Example

LEARNED = falling(STEPS + 1)


def _by_heart(share: float) -> list[float]:
    """Train losses that fall by this share more than the held-out ones, in stairs at the epochs' borders."""
    return [loss * (1 - share * (i // PER_EPOCH) / 2) for i, loss in enumerate(LEARNED)]


def overfitting() -> Example:
    val = up_from(LEARNED, 100, 0.18)
    rows = up_from(LEARNED, 100, -0.35)
    return Example.of(run(noisy(_by_heart(0.4)[1:]), evaluated(val), evaluated(rows, seed=4)))


def worsening() -> Example:
    both = up_from(LEARNED, 100, 0.18)
    return Example.of(run(noisy(both[1:]), evaluated(both), evaluated(both, seed=4), lr=[1e-3] * STEPS))


def held_out_rising() -> Example:
    points = evaluated(LEARNED)
    last = replace(points[-1], loss=1.05 * points[-1].loss)
    return Example.of(run(noisy(LEARNED[1:]), (*points[:-1], last), evaluated(LEARNED, seed=4), over=False))


def memorisation() -> Example:
    rows = [loss * (1 - 0.3 * i / STEPS) for i, loss in enumerate(LEARNED)]
    return Example.of(run(noisy(_by_heart(0.3)[1:]), evaluated(LEARNED), evaluated(rows, seed=4)))


def forgetting() -> Example:
    general = evaluated([2.0 * (1 + 0.12 * (i / STEPS) ** 0.7) for i in range(STEPS + 1)], seed=5)
    learned = run(noisy(LEARNED[1:]), evaluated(LEARNED))
    curves = replace(learned, evals={**learned.evals, "general": general})
    return Example(
        curves,
        replace(curves, evals={"val": general, "train_probe": curves.val}),
        points="loss on general text",
        hollow="held-out loss",
    )


def answers_wrong() -> Example:
    points = evaluated(LEARNED)
    asked = tuple(
        AnswerPoint(point.step, 16, 0, 16, judgeable=16, fields={"count": 2, "owner": 16}) for point in points
    )
    curves = replace(run(noisy(LEARNED[1:]), points, evaluated(LEARNED, seed=4)), answers=asked)
    return Example.of(curves)
