"""How much an evaluation loss wobbles by itself: what every rise is measured against."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

FEWEST_FOR_NOISE = 4


def eval_noise(losses: Sequence[float]) -> float:
    """Standard deviation of one evaluation loss around its trend, in nats a token.

    Robust, from second differences: 1.4826 · median|E(k+1) − 2E(k) + E(k−1)| / √6, which a straight trend leaves at
    zero; at least 0.3 % of the best loss. With fewer than four evaluations it is taken as 1 % of the best.
    """
    best = min(losses)
    if len(losses) < FEWEST_FOR_NOISE:
        return 0.01 * abs(best)
    bends = [abs(losses[k + 1] - 2 * losses[k] + losses[k - 1]) for k in range(1, len(losses) - 1)]
    return max(1.4826 * median(bends) / math.sqrt(6), 0.003 * abs(best))


def slope(losses: Sequence[float]) -> tuple[float, float]:
    """Least-squares slope per evaluation, and Sxx = Σ(x − x̄)², over x = 0, 1, 2 …; needs two losses."""
    n = len(losses)
    middle = (n - 1) / 2
    sxx = sum((x - middle) ** 2 for x in range(n))
    mean = sum(losses) / n
    return sum((x - middle) * (loss - mean) for x, loss in enumerate(losses)) / sxx, sxx
