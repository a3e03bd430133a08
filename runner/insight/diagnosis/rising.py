"""Whether a held-out loss rises, or only wobbles: every rule that says so, and the noise they hold it against."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from runner.insight.curves import EvalPoint
from runner.insight.diagnosis.noise import eval_noise, slope

FEWEST_FOR_SLOPE = 4
SLOPE_T = 4.0
TRIMMED_T = 3.0
SLOPE_RISE = 0.01
JUMP_RISE = 0.02
# Measured: at 2 one more of eighteen real overfits is missed, at 1.9 two more of a thousand noisy healthy runs alarm.
JUMP_NOISES = 1.9
STRIPS = 3
STEEP_RISE = 0.10
FEWEST_ABOVE = 5
ABOVE_RISE = 0.06
FEWEST_ON_LINE = 6


@dataclass(frozen=True)
class Rise:
    """The held-out loss since its best: `best` and `now` are evaluations, `after` counts those since the best."""

    best: EvalPoint
    now: EvalPoint
    after: int
    noise: float

    @property
    def relative(self) -> float:
        return self.now.loss / self.best.loss - 1

    def evidence(self) -> dict[str, float]:
        return {
            "best_step": self.best.step,
            "best_loss": self.best.loss,
            "step": self.now.step,
            "loss": self.now.loss,
            "rise_percent": 100 * self.relative,
            "noise_percent": 100 * self.noise / self.best.loss,
            "evaluations_since_best": self.after,
        }


def rise(points: Sequence[EvalPoint]) -> Rise | None:
    """How far the last evaluation lies above the best one; None for fewer than two, or when the last is the best."""
    if len(points) < 2:
        return None
    best = min(range(len(points)), key=lambda i: points[i].loss)
    if best == len(points) - 1 or points[best].loss <= 0:
        return None
    noise = eval_noise([point.loss for point in points])
    return Rise(points[best], points[-1], len(points) - 1 - best, noise)


def is_rising(points: Sequence[EvalPoint]) -> bool:
    """Whether the rise is more than noise.

    (A) with at least four evaluations from the best on, their slope is over four standard errors and amounts to over
    1 %, also without the highest of them;
    (B) the last two are both over 2 % above the best and 1.9 noises above the second best, corrected for its being the
    best of n (σ√(2 ln n): the least of n noisy values is too low);
    (C) every one of at least three since the best is higher than the one before, over 10 % in all: bends of so steep a
    rise look like noise;
    (D) each of at least five since the best is worse than each of the three up to it, by over 6 % of it in the mean;
    (E) the line through at least six from the best on rises by over 10 % and four standard errors of what it leaves
    over (more for few). A steep fall before the best makes the noise look large; this rule does not need it.
    """
    current = rise(points)
    if current is None:
        return False
    tail = [point.loss for point in points[-current.after - 1 :]]
    if (
        len(tail) >= FEWEST_FOR_SLOPE
        and _is_steady(tail, current, SLOPE_T)
        and _is_steady(without_highest(tail), current, TRIMMED_T)
    ):
        return True
    if current.after < 2:
        return False
    # The second best: beside a true minimum it lies close by, beside a lucky dip it does not.
    corrected = sorted(p.loss for p in points)[1] + current.noise * math.sqrt(2 * math.log(len(points)))
    jumped = all(
        loss - corrected > JUMP_NOISES * current.noise and loss > (1 + JUMP_RISE) * current.best.loss
        for loss in tail[-2:]
    )
    until = [point.loss for point in points[: -current.after]]
    return jumped or _climbs(until, tail) or _stays_above(until, tail[1:]) or _is_line(tail)


def _is_steady(tail: Sequence[float], current: Rise, least_t: float) -> bool:
    beta, sxx = slope(tail)
    # What the line leaves over, if that is more than the evaluations' own noise.
    noise = max(current.noise, left_over(tail, beta))
    rises = beta * (len(tail) - 1) > SLOPE_RISE * current.best.loss
    return rises and beta * math.sqrt(sxx) / noise > least_t


def without_highest(tail: Sequence[float]) -> list[float]:
    """The evaluations without the highest one, when there are enough: a single bad one is no trend."""
    if len(tail) <= FEWEST_FOR_SLOPE:
        return list(tail)
    highest = max(range(len(tail)), key=lambda i: tail[i])
    return [loss for i, loss in enumerate(tail) if i != highest]


def _climbs(until: Sequence[float], tail: Sequence[float]) -> bool:
    """Rule (C). The last one also lies above those before the best, which was not merely a lucky one."""
    rises = all(after > before for before, after in itertools.pairwise(tail))
    above = tail[-1] > max(until[-STRIPS - 1 :])
    return len(tail) > STRIPS and rises and above and tail[-1] > (1 + STEEP_RISE) * tail[0]


def _is_line(tail: Sequence[float]) -> bool:
    """Rule (E)."""
    if len(tail) < FEWEST_ON_LINE:
        return False
    beta, sxx = slope(tail)
    t = beta * math.sqrt(sxx) / (left_over(tail, beta) or 1e-9)
    # Of few points the scatter around a line is itself uncertain: Student's t asks for more.
    least_t = SLOPE_T * (1 + 2 / (len(tail) - 2))
    return beta * (len(tail) - 1) > STEEP_RISE * tail[0] and t > least_t


def left_over(tail: Sequence[float], beta: float) -> float:
    """Standard deviation of losses around the line of this slope through them."""
    middle, mean = (len(tail) - 1) / 2, sum(tail) / len(tail)
    squares = sum((loss - mean - beta * (i - middle)) ** 2 for i, loss in enumerate(tail))
    return math.sqrt(squares / (len(tail) - 2))


def _stays_above(until: Sequence[float], after: Sequence[float]) -> bool:
    """Rule (D)."""
    if len(after) < FEWEST_ABOVE or len(until) < STRIPS:
        return False
    return min(after) > max(until[-STRIPS:]) and sum(after) / len(after) > (1 + ABOVE_RISE) * until[-1]
