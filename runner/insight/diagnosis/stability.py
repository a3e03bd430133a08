"""D4, D5 and D15: the loss goes up for good, swings, or breaks at a resume."""

from __future__ import annotations

import math

import numpy as np

from runner.insight.curves import Column, Curves
from runner.insight.diagnosis.finding import (
    LONGER_WARMUP,
    LOWER_RATE,
    TWICE_THE_BATCH,
    Action,
    Finding,
    Severity,
)
from runner.insight.diagnosis.noise import log_losses, residual_spread, running_median, theil_sen

WIDTH = 5
RISE = 1.3
PERSISTENCE = 5
SIGMAS = 5.0
LEAST_SPREAD = 0.02
FELL = 0.95
SHARE_OF_FALL = 0.05
FEWEST = 4
ENOUGH = 20
RISE_OF_FEW = 2.0

SWING = 0.25
SWING_LOGS = 40
EVAL_ABOVE_START = 1.02

BREAK_SIGMAS = 4.0
LEAST_BREAK = 0.05


def divergence(curves: Curves) -> Finding | None:
    """D4: the median of five losses is 1.3 times its best and five standard deviations above it, five entries long; or
    it is back where it began although it had fallen. Nothing is made of a rise under 5 % of the fall before:
    near zero everything is a multiple.

    In a log of under ten entries: the last three are twice the best, or 1.3 times with evaluations that say the same.
    """
    kept = np.isfinite(log_losses(curves.train.loss))
    loss, step = curves.train.loss[kept], curves.train.step[kept]
    past = step > curves.warmup_steps
    if len(loss) < WIDTH + PERSISTENCE:
        return _few(curves, loss, step)
    if not past.any():
        return None
    level = running_median(loss, WIDTH)
    # The first medians are of fewer and rest on one low loss.
    best = np.minimum.accumulate(np.where(np.arange(len(level)) >= 2, level, np.inf))
    scatter = max(residual_spread(np.log(loss[-200:])), LEAST_SPREAD)
    above = np.log(level) - np.log(best)
    start = float(np.median(loss[:3]))
    clear = (above > SIGMAS * scatter) & (level - best > SHARE_OF_FALL * np.maximum(start - best, 0))
    # Few entries say little about their own scatter.
    least = RISE if len(loss) >= ENOUGH else RISE_OF_FEW
    wrong = clear & (
        (above > math.log(least)) | ((level >= start) & (best < FELL * start / least * RISE) & past)
    )
    if not wrong[-PERSISTENCE:].all():
        return None
    calm = np.flatnonzero(~wrong)
    onset = int(calm[-1]) + 1 if len(calm) else 0
    return _diverged(curves, step, level, best, onset, scatter)


def _few(curves: Curves, loss: Column, step: Column) -> Finding | None:
    """The same for a log too short for medians."""
    if len(loss) < FEWEST:
        return None
    best = np.minimum.accumulate(loss)
    least = float(loss[-3:].min() / best[-1])
    points = [p.loss for p in curves.val if math.isfinite(p.loss)]
    agrees = len(points) > 2 and min(points[-2:]) > RISE * min(points)
    if loss[-3:].min() < RISE * loss[0] or not (least > RISE_OF_FEW or (agrees and least > RISE)):
        return None
    return _diverged(curves, step, loss, best, len(loss) - 3, LEAST_SPREAD)


def _diverged(
    curves: Curves, step: Column, level: Column, best: Column, onset: int, scatter: float
) -> Finding:
    best_at = int(np.argmin(level[: onset + 1])) if onset else 0
    since = int(step[best_at])
    low, now = float(best[-1]), float(level[-1])
    keep = max((c for c in curves.checkpoints if c <= since), default=None)
    rate = curves.train.lr[np.searchsorted(curves.train.step, since)]
    return Finding(
        id="D4",
        name="divergence",
        severity=Severity.ERROR,
        since_step=since,
        sentence=f"Train loss {low:.3f} → {now:.3f} ({now / low:.1f} times its best) since step {since}, and it stays "
        "up: the run diverges.",
        actions=(
            Action(
                f"stop, and go back to checkpoint-{keep}"
                if keep is not None
                else "stop: it will not mend itself"
            ),
            Action("learning rate ÷ 3 and twice the warm-up", (LOWER_RATE, LONGER_WARMUP)),
            Action("look at the rows of the steps before"),
        ),
        evidence={
            "best_loss": low,
            "loss": now,
            "ratio": now / low,
            "noise_percent": 100 * scatter,
            "learning_rate": float(rate),
            "onset_step": int(step[onset]),
        },
        keep_step=keep,
        steps=tuple(int(s) for s in step[max(0, onset - 1) : onset + 2]),
    )


def oscillation(curves: Curves) -> Finding | None:
    """D5: after the warm-up the loss swings by more than 20 % without falling, or the first evaluation after it is over
    2 % worse than the model before training.
    """
    return _swing(curves) or _worse_than_before(curves)


def _swing(curves: Curves) -> Finding | None:
    train = curves.train
    past = train.step > curves.warmup_steps
    logs = log_losses(train.loss[past])
    logs = logs[np.isfinite(logs)]
    if len(logs) < SWING_LOGS:
        return None
    recent = logs[-SWING_LOGS:]
    swing = residual_spread(recent)
    middle, low, high = theil_sen(recent)
    if swing <= SWING or middle < 0 or not _is_stuck(logs, swing):
        return None
    since = int(train.step[past][-SWING_LOGS])
    return _too_high(
        since,
        f"Train loss swings by ±{100 * swing:.0f} % and does not fall over the last {SWING_LOGS} entries.",
        {
            "swing_percent": 100 * swing,
            "slope_percent": 100 * middle,
            "slope_low": 100 * low,
            "slope_high": 100 * high,
        },
        curves,
    )


def _is_stuck(logs: Column, swing: float) -> bool:
    """Whether the level is not below that of the beginning, or beyond doubt above the best one since.

    Single rows scatter as much as a rate that is too high makes them; what tells the two apart is that nothing comes
    of it. The standard error of a median of n values is 1.25 σ/√n.
    """
    parts = [float(np.median(logs[i : i + SWING_LOGS])) for i in range(0, len(logs) - SWING_LOGS + 1, 10)]
    level, few = float(np.median(logs[-SWING_LOGS:])), logs[: SWING_LOGS // 2]
    error = 1.25 * swing * math.sqrt(2 / SWING_LOGS)
    return level > float(np.median(few)) - LEAST_BREAK or level - min(parts) > max(LEAST_BREAK, 4 * error)


def _worse_than_before(curves: Curves) -> Finding | None:
    points = [p for p in curves.val if math.isfinite(p.loss)]
    after = next((p for p in points if p.step > max(1, curves.warmup_steps)), None)
    if not points or points[0].step != 0 or after is None or after.loss <= EVAL_ABOVE_START * points[0].loss:
        return None
    if points[-1].loss <= points[0].loss:
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
        id="D5",
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


def resume_break(curves: Curves) -> Finding | None:
    """D15: the loss after the last resume is on another level than before it."""
    if not curves.resumed_at:
        return None
    train, border = curves.train, curves.resumed_at[-1]
    logs = log_losses(train.loss)
    before, after = logs[train.step <= border], logs[train.step > border]
    before, after = before[np.isfinite(before)], after[np.isfinite(after)][:WIDTH]
    if len(before) < WIDTH or len(after) < WIDTH:
        return None
    scatter = residual_spread(before[-SWING_LOGS:])
    jump = float(np.median(after) - np.median(before[-WIDTH:]))
    if abs(jump) <= max(BREAK_SIGMAS * scatter, LEAST_BREAK):
        return None
    old, new = math.exp(float(np.median(before[-WIDTH:]))), math.exp(float(np.median(after)))
    return Finding(
        id="D15",
        name="resume broke the run",
        severity=Severity.ERROR,
        since_step=border,
        sentence=f"Train loss {old:.3f} before the resume at step {border}, {new:.3f} after it: it did not go on where "
        "it was.",
        actions=(Action("stop; check adapter, optimizer state and data of the checkpoint"),),
        evidence={"before_loss": old, "loss": new, "noise_percent": 100 * scatter},
    )
