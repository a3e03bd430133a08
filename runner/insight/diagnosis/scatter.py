"""How far an evaluation lies from its trend by itself, when only a handful are known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from runner.insight.curves import EvalPoint, least_loss
from runner.insight.train_curve import Column

# What is tried, in ln loss: 0.15 % to 30 %.
SCATTERS: Column = np.geomspace(0.0015, 0.3, 20)
# Real evaluations before any is seen: median 0.56 %, quartiles 0.28 and 7.8 % of the least loss; log-normal.
USUAL = 0.008
USUAL_SPREAD = 1.2
# That is of sets of hundreds of rows; what is peculiar to single rows averages out with their number.
USUAL_ROWS = 128
# Bends that follow one another share evaluations, so two of them tell about as much as one.
SHARED = 2.0


@dataclass(frozen=True)
class Scatter:
    """ln weights of SCATTERS, shape (20,), not normalised."""

    weights: Column

    @property
    def mean(self) -> float:
        """The geometric mean: the standard deviation of one evaluation around its trend, as a share of the loss."""
        shares = np.exp(self.weights - self.weights.max())
        return float(np.exp((shares * np.log(SCATTERS)).sum() / shares.sum()))

    def quantile(self, share: float) -> float:
        """The scatter that is not exceeded with this probability."""
        shares = np.exp(self.weights - self.weights.max())
        return float(SCATTERS[int(np.searchsorted(np.cumsum(shares) / shares.sum(), share))])


def bends(logs: Column) -> Column:
    """(y(k+1) − 2y(k) + y(k−1)) / √6, shape (n − 2,): with the scatter's standard deviation where the trend is
    straight.
    """
    return np.asarray((logs[2:] - 2 * logs[1:-1] + logs[:-2]) / math.sqrt(6))


def scatter(logs: Column, rows: int = 0) -> Scatter:
    """From the bends of ln losses, shape (n,), each the mean over so many rows (0 when not known).

    A loss that falls ever slower, or falls and then rises, bends upwards without any scatter; only scatter bends it
    downwards. So an upward bend only says that scatter brought no more than it: it counts by its distribution
    function, a downward one by its density, both of Student's t with four degrees of freedom, because one odd
    evaluation bends a curve three times.
    """
    usual = USUAL * math.sqrt(max(1.0, USUAL_ROWS / rows)) if rows > 0 else USUAL
    weights = -0.5 * ((np.log(SCATTERS) - math.log(usual)) / USUAL_SPREAD) ** 2
    if len(logs) < 3:
        return Scatter(weights)
    ratio = bends(logs)[:, None] / SCATTERS[None, :]
    known = np.where(ratio < 0, -np.log(SCATTERS) - 2.5 * np.log1p(ratio**2 / 4), np.log(_below(ratio)))
    return Scatter(weights + known.sum(axis=0) / SHARED)


def noise_of(points: Sequence[EvalPoint]) -> float:
    """The scatter of finite, positive evaluation losses, in nats a token at the best of them."""
    logs = np.log([max(point.loss, np.finfo(float).tiny) for point in points])
    return scatter(logs).mean * least_loss(points)


def _below(t: Column) -> Column:
    """Distribution function of Student's t with four degrees of freedom: ½ + ¾ u (1 − u²/3) with u = t / √(4 + t²)."""
    u = t / np.sqrt(4 + t**2)
    # Never 0: rounding alone makes it less for a bend far down.
    return np.asarray(np.maximum(0.5 + 0.75 * u * (1 - u**2 / 3), np.finfo(float).tiny))
