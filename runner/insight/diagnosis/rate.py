"""The learning rate is too high: the loss swings, blew up, or got worse from the start."""

from __future__ import annotations

import math

import numpy as np

from runner.insight.curves import Curves, finite
from runner.insight.diagnosis.finding import (
    LONGER_WARMUP,
    LOWER_RATE,
    TWICE_THE_BATCH,
    Action,
    Finding,
    Severity,
)
from runner.insight.diagnosis.noise import log_losses, residual_spread, running_median, theil_sen
from runner.insight.train_curve import Column

SWING = 0.28
SWING_LOGS = 40
LEAST_SWING = 0.02
LEAST_CHANGE = 0.05
EVAL_ABOVE_START = 1.02

# Later on a blow-up is a spike or a divergence.
EARLY = 12
WIDTH = 5
FELL_EARLY = 0.8
BACK = 0.9
THROWN = 2.0
RIGHT_LEFT = 0.5
STUCK_ERRORS = 4


def oscillation(curves: Curves) -> Finding | None:
    """`rate-too-high`: after the warm-up the loss swings by more than 28 % without falling; or it blew up at the
    beginning; or the first evaluation after the warm-up is over 2 % worse than the model before training.
    """
    return _blew_up(curves) or _swing(curves) or _worse_than_before(curves)


def _blew_up(curves: Curves) -> Finding | None:
    """The loss fell at first, was back near where it began for several steps, and fewer than half as many tokens were
    predicted right as before training: the weights were thrown far. What is learned then only looks well.
    """
    train = curves.train
    early = train.step <= EARLY
    loss, right = train.loss[early], train.accuracy[early]
    if len(loss) < 2 * WIDTH or not np.isfinite(right).all() or not np.isfinite(loss).all():
        return None
    start = float(np.median(loss[:2]))
    fallen = np.minimum.accumulate(loss) < FELL_EARLY * start
    back = running_median(loss, WIDTH) >= BACK * start
    # Medians of fewer rest on single rows.
    back[:WIDTH] = False
    thrown = np.maximum.accumulate(train.grad_norm[early]) > THROWN * float(
        np.max(train.grad_norm[early][:2])
    )
    halved = running_median(right, 3) < RIGHT_LEFT * float(np.median(right[:2]))
    found = np.flatnonzero(fallen & back & halved & thrown)
    if not len(found):
        return None
    at = int(found[0])
    low = int(np.argmin(loss[:at]))
    since, recent = int(train.step[low]), slice(at - WIDTH + 1, at + 1)
    level, least = float(np.median(loss[recent])), float(np.median(right[at - 2 : at + 1]))
    return _too_high(
        since,
        f"Train loss was down to {loss[low]:.2f} at step {since} and back at {level:.2f} by step {train.step[at]:.0f}, "
        f"tokens predicted right {100 * np.median(right[:2]):.0f} → {100 * least:.0f} %: it blew up.",
        {"start_loss": start, "low_loss": float(loss[low]), "loss": level, "accuracy": least},
        curves,
    )


def _swing(curves: Curves) -> Finding | None:
    train = curves.train
    past = train.step > curves.warmup_steps
    logs = log_losses(train.loss[past])
    logs = logs[np.isfinite(logs)]
    if len(logs) < SWING_LOGS:
        return None
    recent = logs[-SWING_LOGS:]
    swing = residual_spread(recent)
    # Near zero everything swings by multiples.
    if swing * math.exp(float(np.median(recent))) < LEAST_SWING * math.exp(float(np.median(logs[:WIDTH]))):
        return None
    middle, low, high = theil_sen(recent)
    if swing <= SWING or middle < 0 or _evaluations_improve(curves) or not _is_stuck(logs, swing):
        return None
    since = int(train.step[past][-SWING_LOGS])
    return _too_high(
        since,
        f"Train loss swings by ±{100 * swing:.0f} % and does not fall over the last {SWING_LOGS} entries.",
        {
            "swing_percent": 100 * swing,
            "slope_percent": 100 * middle,
            "slope_low_percent": 100 * low,
            "slope_high_percent": 100 * high,
        },
        curves,
    )


def _evaluations_improve(curves: Curves) -> bool:
    """Whether the held-out loss fell by over 2 % since before training: then the swing is the rows' own."""
    losses = [point.loss for point in finite(curves.val)]
    return len(losses) > 1 and losses[-1] < (2 - EVAL_ABOVE_START) * losses[0]


def _is_stuck(logs: Column, swing: float) -> bool:
    """Whether the level is not below that of the beginning, or beyond doubt above the best one since.

    Single rows scatter as much as a rate that is too high makes them; what tells the two apart is that nothing comes
    of it. The standard error of a median of n values is 1.25 σ/√n.
    """
    parts = [float(np.median(logs[i : i + SWING_LOGS])) for i in range(0, len(logs) - SWING_LOGS + 1, 10)]
    level, few = float(np.median(logs[-SWING_LOGS:])), logs[: SWING_LOGS // 2]
    error = 1.25 * swing * math.sqrt(2 / SWING_LOGS)
    return level > float(np.median(few)) - LEAST_CHANGE or level - min(parts) > max(
        LEAST_CHANGE, STUCK_ERRORS * error
    )


def _worse_than_before(curves: Curves) -> Finding | None:
    points = finite(curves.val)
    later = [p for p in points if p.step > max(1, curves.warmup_steps)]
    # One evaluation right after a spike is no trend.
    if not later or points[0].step != 0 or (len(later) < 2 and not curves.is_over):
        return None
    after = later[0]
    if after.loss <= EVAL_ABOVE_START * points[0].loss or points[-1].loss <= points[0].loss:
        return None
    return _too_high(
        after.step,
        f"Held-out loss {points[0].loss:.3f} before training, {after.loss:.3f} at step {after.step}: training made it "
        "worse from the start.",
        {"before_loss": points[0].loss, "loss": after.loss},
        curves,
    )


def _too_high(since: int, sentence: str, evidence: dict[str, float], curves: Curves) -> Finding:
    rates = curves.train.lr[np.isfinite(curves.train.lr)]
    rate = {"peak_learning_rate": float(rates.max())} if len(rates) else {}
    return Finding(
        id="rate-too-high",
        name="learning rate too high",
        severity=Severity.WARNING,
        since_step=since,
        sentence=sentence,
        actions=(
            Action("learning rate ÷ 3 and twice the warm-up", (LOWER_RATE, LONGER_WARMUP)),
            Action("or twice the accumulation: steadier steps", (TWICE_THE_BATCH,)),
        ),
        evidence=evidence | rate,
    )
