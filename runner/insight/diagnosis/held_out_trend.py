"""Whether a held-out loss rises, or only wobbles: the one test behind every sentence about it.

Two explanations are compared: the loss never rises, or it falls and then rises. How much the evaluations scatter by
themselves is not known, least of all from few of them, so every scatter is tried, weighted by what real runs show and
by the bends of this one. No single evaluation may decide.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from runner.insight.curves import EvalPoint, best_of
from runner.insight.diagnosis.scatter import SCATTERS, Scatter, bends, scatter
from runner.insight.diagnosis.shape import shape
from runner.insight.paired import Paired, paired
from runner.insight.train_curve import Column

FEWEST = 3
# Log odds of a rise: more likely than not. Measured: six classes of healthy runs stay at 2 % of false alarms.
SURE = 0.0
LEAST_RISE = 0.02
# With so many evaluations one may be an outlier besides the one that is left out.
FEWEST_WITH_OUTLIER = 6
OUTLIERS_TRIED = 4
# Longer series are judged by the means of neighbours.
MOST_POINTS = 64
LARGEST_RISE = 700.0

# One evaluation is enough where the same rows say so one by one.
LIKELY = 0.6
# The wobble of the weights shows in full where few rows are averaged.
FEWEST_ROWS = 40
ROWS_SURE = 4.0
ROWS_NOISES = 3.5
ROWS_RISE = 0.03


@dataclass(frozen=True)
class Rise:
    """The held-out loss since its best: `best` and `now` are evaluations, `after` counts those since the best, `of`
    all of them.

    `noise` is the standard deviation of one evaluation around its trend, in nats a token; `evidence` the logarithm of
    how much more likely the evaluations are if they rise; `level` the rise of the fitted curve, as a share; `rows` the
    same held-out rows now and at the best, where their losses were kept.
    """

    best: EvalPoint
    now: EvalPoint
    after: int
    of: int
    noise: float
    most_noise: float = 0.0
    evidence: float = 0.0
    level: float = 0.0
    rows: Paired | None = None

    @property
    def relative(self) -> float:
        return self.now.loss / self.best.loss - 1

    @property
    def is_sure(self) -> bool:
        """Whether the evaluations alone show that it rises."""
        return self.evidence > SURE and min(self.level, self.relative) > LEAST_RISE

    @property
    def is_sure_by_rows(self) -> bool:
        """Whether the last evaluation shows it by itself: its rows got worse far beyond their own scatter, by more than
        the best one can have been lucky: the least of n values lies about σ√(2 ln n) too low.
        """
        if self.rows is None or self.rows.n < FEWEST_ROWS or self.rows.mean <= ROWS_SURE * self.rows.error:
            return False
        noise = self.most_noise
        lucky = noise * math.sqrt(2 * math.log(self.of))
        return self.relative > max(ROWS_RISE, lucky + ROWS_NOISES * noise)

    def numbers(self) -> dict[str, float]:
        """Its evidence as named numbers."""
        told = {
            "best_step": self.best.step,
            "best_loss": self.best.loss,
            "step": self.now.step,
            "loss": self.now.loss,
            "rise_percent": 100 * self.relative,
            "noise_percent": 100 * self.noise / self.best.loss,
            "evaluations_since_best": self.after,
            "log_evidence": self.evidence,
        }
        if self.rows is None:
            return told
        return told | {
            "rows": self.rows.n,
            "rows_worse_percent": 100 * self.rows.share_worse,
            "row_difference": self.rows.mean,
            "row_difference_error": self.rows.error,
        }


def rise(points: Sequence[EvalPoint], rows: Mapping[int, Column] | None = None) -> Rise | None:
    """How the last evaluation lies to the best one, all losses finite; None when the last is the best, or for fewer
    than two. `rows` are the losses of each held-out row by step, where they were kept.
    """
    if len(points) < 2:
        return None
    best = best_of(points)
    if best is None or best is points[-1] or best.loss <= 0:
        return None
    rows = rows or {}
    before, now = rows.get(best.step), rows.get(points[-1].step)
    # Only where rows are known one by one: not every log says how many they were, and all must be judged alike.
    many = len(now) if now is not None else 0
    evidence, level, noise, most = _test(tuple(point.loss for point in points), many)
    return Rise(
        best,
        points[-1],
        len(points) - 1 - points.index(best),
        len(points),
        noise * best.loss,
        most,
        evidence,
        level,
        paired(before, now) if before is not None and now is not None else None,
    )


@lru_cache(maxsize=32)
def _test(losses: tuple[float, ...], rows: int) -> tuple[float, float, float, float]:
    """(log evidence of a rise, its size as a share, noise as a share), cached because several detectors ask."""
    logs = np.log(np.maximum(np.asarray(losses), np.finfo(float).tiny))
    found = scatter(logs, rows)
    noise, most = found.mean, found.quantile(LIKELY)
    # It is asked after each evaluation, so the odds before any of them are one in so many.
    before = -math.log(len(losses))
    if len(logs) < FEWEST:
        return before, _as_share(logs[-1] - logs.min()), noise, most
    if len(logs) > MOST_POINTS:
        logs = _means(logs, -(-len(logs) // MOST_POINTS))
    level = _as_share(shape(logs).rise)
    if len(logs) >= FEWEST_WITH_OUTLIER:
        logs = _without_outlier(logs)
    best, last = int(np.argmin(logs)), len(logs) - 1
    if best == last:
        return before, level, noise, most
    highest = best + 1 + int(np.argmax(logs[best + 1 :]))
    weights = scatter(logs, rows)
    evidence = min(_evidence(np.delete(logs, k), weights) for k in {best, highest, last})
    return before + evidence, level, noise, most


def _as_share(rise: float) -> float:
    """A rise of ln loss as a share, for losses of any size: e^709 is the largest number there is."""
    return math.expm1(min(rise, LARGEST_RISE))


def _means(logs: Column, width: int) -> Column:
    """Means of neighbours, the last ones whole."""
    first = len(logs) % width
    rest = logs[first:].reshape(-1, width).mean(axis=1)
    return np.concatenate([[logs[:first].mean()], rest]) if first else np.asarray(rest)


def _without_outlier(logs: Column) -> Column:
    """Leave the evaluation out, of the few that bend the curve most, without which the others follow one turn best."""
    odd = 1 + np.argsort(np.abs(bends(logs)))[-OUTLIERS_TRIED:]
    left = {int(k): float(shape(np.delete(logs, k)).turning_rss.min()) for k in odd}
    return np.delete(logs, min(left, key=lambda k: left[k]))


def _evidence(logs: Column, noise: Scatter) -> float:
    """ln p(losses | they turn) − ln p(losses | they only fall), each with the best curve of its kind, averaged over the
    scatter and over the evaluation at which they turn. Positive for a rise.
    """
    if len(logs) < 2:
        return 0.0
    found, precision = shape(logs), 1 / (2 * SCATTERS**2)
    falling = float(np.logaddexp.reduce(noise.weights - found.falling_rss * precision))
    each = noise.weights[:, None] - found.turning_rss[None, :] * precision[:, None]
    return float(np.logaddexp.reduce(each, axis=None)) - math.log(len(found.turning_rss)) - falling
