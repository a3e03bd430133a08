"""Two evaluations of the same rows, compared row by row: far less noisy than comparing two means."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from runner.insight.train_curve import Column

# Two standard errors: with a normal mean difference, one comparison in twenty of equals would show one.
SURE = 2.0


@dataclass(frozen=True)
class Paired:
    """Mean of d = now − before over `n` rows in nats a token, its standard error sd(d)/√n, the share that got worse."""

    mean: float
    error: float
    n: int
    share_worse: float

    @property
    def is_seen(self) -> bool:
        """Whether the difference is more than the rows' own scatter."""
        return abs(self.mean) > SURE * self.error


def paired(before: Column, now: Column) -> Paired | None:
    """Compare the losses of the same rows, both of shape (rows,); None for fewer than two finite pairs, or when they
    cannot be the same rows.
    """
    if before.shape != now.shape:
        return None
    both = np.isfinite(before) & np.isfinite(now)
    difference = now[both] - before[both]
    n = len(difference)
    if n < 2:
        return None
    # Losses may be anything a trainer can write, 1e308 among it.
    with np.errstate(all="ignore"):
        error = float(difference.std(ddof=1)) / math.sqrt(n)
        return Paired(float(difference.mean()), error, n, float((difference > 0).mean()))
