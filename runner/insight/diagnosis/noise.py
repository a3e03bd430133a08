"""How much a curve wobbles by itself: what every rise and fall is measured against."""

from __future__ import annotations

import math

import numpy as np

from runner.insight.train_curve import Column

FEWEST_FOR_NOISE = 4
# A normal distribution's standard deviation in median absolute deviations.
MAD = 1.4826
PART = 65_536


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
