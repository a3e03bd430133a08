"""How far an evaluation lies from its trend by itself, when only a handful are known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from runner.insight.curves import Column

# What is tried, in ln loss: 0.15 % to 30 %.
SCATTERS: Column = np.geomspace(0.0015, 0.3, 20)
# Real evaluations before any is seen: median 0.56 %, quartiles 0.28 and 7.8 % of the least loss; log-normal.
USUAL = 0.008
USUAL_SPREAD = 1.2
# Bends that follow one another share evaluations, so three of them tell about as much as one.
SHARED = 3.0
FEWEST_BENDS = 3


@dataclass(frozen=True)
class Scatter:
    """ln weights of SCATTERS, shape (20,), not normalised."""

    weights: Column

    @property
    def mean(self) -> float:
        """The geometric mean: the standard deviation of one evaluation around its trend, as a share of the loss."""
        shares = np.exp(self.weights - self.weights.max())
        return float(np.exp((shares * np.log(SCATTERS)).sum() / shares.sum()))


def bends(logs: Column) -> Column:
    """|y(k+1) − 2y(k) + y(k−1)| / √6, shape (n − 2,): one standard deviation where the trend is straight."""
    return np.asarray(np.abs(logs[2:] - 2 * logs[1:-1] + logs[:-2]) / math.sqrt(6))


def scatter(logs: Column, apart: Column | None = None) -> Scatter:
    """From the bends of ln losses, shape (n,): of all of them, of those from the least on, or of the distance to
    training rows evaluated with the same weights (`apart`), whichever bends least: a fall that ends bends a curve
    without any noise.
    """
    series = [bends(logs)]
    series += [found for found in (bends(logs[int(np.argmin(logs)) :]),) if len(found) >= FEWEST_BENDS]
    if apart is not None and len(apart) >= FEWEST_BENDS + 2:
        series.append(bends(apart))
    weights = -0.5 * ((np.log(SCATTERS) - math.log(USUAL)) / USUAL_SPREAD) ** 2
    known = [found for found in series if len(found)]
    if known:
        seen = min(known, key=lambda found: float(np.median(found)))
        # Student's t with four degrees of freedom: one odd evaluation bends the curve three times.
        ratio = seen[:, None] / SCATTERS[None, :]
        weights = weights + (-np.log(SCATTERS) - 2.5 * np.log1p(ratio**2 / 4)).sum(axis=0) / SHARED
    return Scatter(weights)
