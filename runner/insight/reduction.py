"""Long curves cut down to what a screen can show, without losing a spike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

SMOOTHING_SPAN = 0.04
LEAST_SPAN = 3


@dataclass(frozen=True)
class Bucket:
    """A stretch of steps: where it is, the extremes of the loss in it, the smoothed loss at its end.

    low, high and smooth are NaN when no loss in it is finite; `bad` counts the losses that are not.
    """

    step: float
    low: float
    high: float
    smooth: float
    bad: int = 0


def smooth(values: Sequence[float], span: float) -> list[float]:
    """Exponential moving average over about `span` values, de-biased at the start (divided by 1 − β^t).

    Non-finite values are passed over: the average keeps its last value. NaN before the first finite one.
    """
    beta = max(0.0, 1 - 1 / max(1.0, span))
    average, weight, out = 0.0, 0.0, []
    for value in values:
        if math.isfinite(value):
            average = beta * average + (1 - beta) * value
            weight = beta * weight + (1 - beta)
        out.append(average / weight if weight else math.nan)
    return out


def reduce(steps: Sequence[float], losses: Sequence[float], most: int = 600) -> tuple[Bucket, ...]:
    """At most `most` buckets of equally many steps; steps and losses are equally long."""
    n = len(losses)
    smoothed = smooth(losses, max(LEAST_SPAN, n * SMOOTHING_SPAN))
    count = min(n, most)
    buckets = []
    for i in range(count):
        start, end = n * i // count, n * (i + 1) // count
        finite = [loss for loss in losses[start:end] if math.isfinite(loss)]
        buckets.append(
            Bucket(
                step=steps[end - 1],
                low=min(finite, default=math.nan),
                high=max(finite, default=math.nan),
                smooth=smoothed[end - 1],
                bad=end - start - len(finite),
            )
        )
    return tuple(buckets)


def means(values: Sequence[float], most: int) -> list[float]:
    """The last values as at most `most` means of equally many; a mean over nothing finite is NaN."""
    n = len(values)
    count = min(n, most)
    out = []
    for i in range(count):
        part = [value for value in values[n * i // count : n * (i + 1) // count] if math.isfinite(value)]
        out.append(sum(part) / len(part) if part else math.nan)
    return out
