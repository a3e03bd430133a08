"""How much a curve wobbles by itself: what every rise and fall is measured against."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

import numpy as np

from runner.insight.curves import Column

FEWEST_FOR_NOISE = 4
# A normal distribution's standard deviation in median absolute deviations.
MAD = 1.4826
PART = 65_536


def eval_noise(losses: Sequence[float]) -> float:
    """Standard deviation of one evaluation loss around its trend, in nats a token.

    Robust, from second differences: 1.4826 · median|E(k+1) − 2E(k) + E(k−1)| / √6, which a straight trend leaves at
    zero; at least 0.3 % of the best loss. With fewer than four evaluations it is taken as 1 % of the best.
    """
    best = min(losses)
    if len(losses) < FEWEST_FOR_NOISE:
        return 0.01 * abs(best)
    bends = [abs(losses[k + 1] - 2 * losses[k] + losses[k - 1]) for k in range(1, len(losses) - 1)]
    return max(MAD * median(bends) / math.sqrt(6), 0.003 * abs(best))


def slope(losses: Sequence[float]) -> tuple[float, float]:
    """Least-squares slope per evaluation, and Sxx = Σ(x − x̄)², over x = 0, 1, 2 …; needs two losses."""
    n = len(losses)
    middle = (n - 1) / 2
    sxx = sum((x - middle) ** 2 for x in range(n))
    mean = sum(losses) / n
    return sum((x - middle) * (loss - mean) for x, loss in enumerate(losses)) / sxx, sxx


def spread(values: Column) -> float:
    """Robust standard deviation: 1.4826 · median|x − median x|; 0 for nothing."""
    if not len(values):
        return 0.0
    return MAD * float(np.median(np.abs(values - np.median(values))))


def log_losses(losses: Column) -> Column:
    """ln of the losses; NaN for what is not finite or not positive."""
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.log(losses)
    return np.where(np.isfinite(logs), logs, np.nan)


def running_median(values: Column, width: int) -> Column:
    """Median of each value and the `width` − 1 before it, shape (n,); of fewer at the start."""
    n = len(values)
    if not n:
        return np.empty(0)
    width = min(width, n)
    head = [float(np.median(values[: i + 1])) for i in range(width - 1)]
    windows = np.lib.stride_tricks.sliding_window_view(values, width)
    # In parts: the median copies every window.
    parts = [np.median(windows[i : i + PART], axis=1) for i in range(0, len(windows), PART)]
    return np.concatenate([head, *parts])


def residual_spread(logs: Column, width: int = 21) -> float:
    """Robust standard deviation of ln losses around their running median centred on each."""
    if len(logs) < FEWEST_FOR_NOISE:
        return 0.0
    half = min(width, len(logs) | 1) // 2
    padded = np.pad(logs, half, mode="reflect")
    centred = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1), axis=1)
    return spread(logs - centred)


def theil_sen(values: Column) -> tuple[float, float, float]:
    """Median slope per entry and its 95 % confidence interval (Sen 1968), over at most some hundred values."""
    n = len(values)
    if n < 2:
        return 0.0, -math.inf, math.inf
    i, j = np.triu_indices(n, 1)
    slopes = np.sort((values[j] - values[i]) / (j - i))
    width = 1.96 * math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    low = max(0, round((len(slopes) - width) / 2))
    high = min(len(slopes) - 1, round((len(slopes) + width) / 2))
    return float(np.median(slopes)), float(slopes[low]), float(slopes[high])
