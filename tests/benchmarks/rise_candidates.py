"""Other ways to tell a rise from noise, kept to be compared with the one in use: `python -m tests.benchmarks.rises`.

Each takes the losses of evaluations so far and gives a score; above some threshold it says that they rise.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from statistics import median

import numpy as np

from runner.insight.diagnosis.shape import shape

FEWEST_FOR_NOISE = 4
MAD = 1.4826
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


def by_rules(losses: Sequence[float]) -> bool:
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
    best = min(range(len(losses)), key=lambda i: losses[i])
    if best == len(losses) - 1:
        return False
    noise, tail = eval_noise(losses), list(losses[best:])
    if (
        len(tail) >= FEWEST_FOR_SLOPE
        and _is_steady(tail, noise, SLOPE_T)
        and _is_steady(without_highest(tail), noise, TRIMMED_T)
    ):
        return True
    if len(tail) < 3:
        return False
    # The second best: beside a true minimum it lies close by, beside a lucky dip it does not.
    corrected = sorted(losses)[1] + noise * math.sqrt(2 * math.log(len(losses)))
    jumped = all(
        loss - corrected > JUMP_NOISES * noise and loss > (1 + JUMP_RISE) * losses[best] for loss in tail[-2:]
    )
    until = losses[: best + 1]
    return jumped or _climbs(until, tail) or _stays_above(until, tail[1:]) or _is_line(tail)


def _is_steady(tail: Sequence[float], noise: float, least_t: float) -> bool:
    beta, sxx = slope(tail)
    # What the line leaves over, if that is more than the evaluations' own noise.
    noise = max(noise, left_over(tail, beta))
    rises = beta * (len(tail) - 1) > SLOPE_RISE * tail[0]
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


def slope_t(losses: Sequence[float]) -> float:
    """Least t of the slope from the best evaluation on when any one later evaluation is left out."""
    best = min(range(len(losses)), key=lambda i: losses[i])
    tail = list(losses[best:])
    if len(tail) < 3:
        return 0.0
    noise = eval_noise(losses)
    parts = [[*tail[:k], *tail[k + 1 :]] for k in range(1, len(tail))]
    return min(beta * math.sqrt(sxx) / noise for beta, sxx in map(slope, parts))


def turning_ratio(losses: Sequence[float]) -> float:
    """Likelihood ratio of the best turning curve to the best falling one, at one estimate of the scatter; the least
    when the best, the highest later or the last evaluation is left out.
    """
    logs = np.log(np.asarray(losses))
    best, last = int(np.argmin(logs)), len(logs) - 1
    if len(logs) < 3 or best == last:
        return 0.0
    noise = eval_noise(list(losses)) / min(losses)
    highest = best + 1 + int(np.argmax(logs[best + 1 :]))
    fits = [shape(np.delete(logs, k)) for k in {best, highest, last} if len(logs) > 2]
    return min((fit.falling_rss - float(fit.turning_rss.min())) / (2 * noise**2) for fit in fits)
