"""The best falling curve through a series, and the best one that falls and then rises."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runner.insight.train_curve import Column


@dataclass(frozen=True)
class Shape:
    """Least-squares fits of a series, each by pooling adjacent violators (Ayer et al. 1955).

    `falling_rss` is what the best never-rising curve leaves over. `turning_rss`, shape (n − 1,), is what the best one
    leaves over that never rises up to its value k and never falls from k + 1 on; `low` and `high` are the least and the
    last level of the best of these.
    """

    falling_rss: float
    turning_rss: Column
    low: float
    high: float

    @property
    def rise(self) -> float:
        return self.high - self.low


@dataclass
class _Pool:
    """Neighbours that share a level: their mean, their number, and what it leaves over."""

    level: float
    count: int
    rss: float


def _falling(values: Column) -> tuple[Column, list[_Pool]]:
    """(what the best never-rising curve leaves over of the first i + 1 values, for each i; its pools at the end)."""
    pools: list[_Pool] = []
    left = np.empty(len(values))
    total = 0.0
    for i, value in enumerate(values):
        new = _Pool(float(value), 1, 0.0)
        while pools and pools[-1].level < new.level:
            old = pools.pop()
            total -= old.rss
            count = old.count + new.count
            apart = (old.level - new.level) ** 2 * old.count * new.count / count
            level = (old.level * old.count + new.level * new.count) / count
            new = _Pool(level, count, old.rss + new.rss + apart)
        pools.append(new)
        total += new.rss
        left[i] = total
    return left, pools


def shape(values: Column) -> Shape:
    """Fit a series of at least two finite values, shape (n,)."""
    before, _ = _falling(values)
    after = _falling(values[::-1])[0][::-1]
    turning = before[:-1] + after[1:]
    turn = int(np.argmin(turning))
    left, right = _falling(values[: turn + 1])[1], _falling(values[turn + 1 :][::-1])[1]
    return Shape(
        float(before[-1]),
        turning,
        min(left[-1].level, right[-1].level),
        right[0].level,
    )
