"""Long curves cut down to what a screen can show, without losing a spike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from runner.insight.train_curve import Column, Indices

SMOOTHING_SPAN = 0.02
LEAST_SPAN = 3


@dataclass(frozen=True)
class Bucket:
    """A stretch of steps: where its end is on the x axis, the extremes of the loss in it, the smoothed loss at its end.

    low, high and smooth are NaN when no loss in it is finite; `bad` counts the losses that are not. `first` and `last`
    are the steps it covers.
    """

    x: float
    low: float
    high: float
    smooth: float
    bad: int = 0
    first: int = 0
    last: int = 0


def smooth(values: Sequence[float] | Column, span: float) -> list[float]:
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


def edges(n: int, most: int) -> Indices:
    """Where `n` values are cut into at most `most` parts of equally many: the first index of each, and n."""
    count = min(n, most)
    return np.arange(count + 1, dtype=np.int64) * n // max(1, count)


def part_means(values: Column, most: int) -> Column:
    """Means of the finite values over at most `most` equal parts; NaN where there are none."""
    cuts = edges(len(values), most)[:-1]
    if not len(cuts):
        return np.empty(0)
    finite = np.isfinite(values)
    counts = np.add.reduceat(finite.astype(float), cuts)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        return np.add.reduceat(np.where(finite, values, 0.0), cuts) / counts


def even_edges(low: float, high: float, count: int) -> Column:
    """The borders of `count` equal stretches of an axis, shape (count + 1,)."""
    return np.linspace(low, high, count + 1)


def reduce(
    x: Column, losses: Column, borders: Column, span: float = SMOOTHING_SPAN, steps: Column | None = None
) -> tuple[Bucket, ...]:
    """One bucket for each stretch between two borders in which there is an entry, left one included.

    Which entries share a bucket depends on the borders alone: a curve that grows changes only at its end. `span` is the
    share of the buckets that the smoothing averages over, 0 for none. x (rising), losses and steps (x when left out)
    have shape (n,).
    """
    cuts = np.searchsorted(x, borders, side="left")
    cuts[-1] = np.searchsorted(x, borders[-1], side="right")
    starts, ends = cuts[:-1], cuts[1:]
    used = ends > starts
    if not used.any():
        return ()
    first, last = int(cuts[0]), int(cuts[-1])
    part, at = losses[first:last], starts[used] - first
    finite = np.isfinite(part)
    known = np.where(finite, part, np.nan)
    # fmin and fmax pass NaN over.
    low, high = np.fmin.reduceat(known, at), np.fmax.reduceat(known, at)
    bad = np.add.reduceat((~finite).astype(np.int64), at)
    counts = np.add.reduceat(finite.astype(float), at)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        means = np.add.reduceat(np.where(finite, part, 0.0), at) / counts
    smoothed = smooth(means, max(LEAST_SPAN, round(len(means) * span)) if span else 1)
    numbers = x if steps is None else steps
    columns = (x[ends[used] - 1], low, high, smoothed, bad, numbers[starts[used]], numbers[ends[used] - 1])
    return tuple(
        Bucket(float(end), float(least), float(most), float(s), int(c), int(one), int(other))
        for end, least, most, s, c, one, other in zip(*columns, strict=True)
    )


def means(values: Sequence[float] | Column, most: int) -> list[float]:
    """The values as at most `most` means of equally many; a mean over nothing finite is NaN."""
    return [float(value) for value in part_means(np.asarray(values, dtype=float), most)]
