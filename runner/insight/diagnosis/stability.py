"""The loss goes up for good, or breaks at a resume."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from runner.insight.curves import Curves, finite, least_loss
from runner.insight.diagnosis.finding import (
    LONGER_WARMUP,
    LOWER_RATE,
    Action,
    Finding,
    Severity,
)
from runner.insight.diagnosis.noise import log_losses, residual_spread, running_median, spread, theil_sen
from runner.insight.diagnosis.training_side import held_out_denies
from runner.insight.train_curve import Column

FEWEST_LONG = 60
FEWEST_SHORT = 20
EVAL_RISE = 1.05
AFTER_RESUME = 5
LEAST_SPREAD = 0.02
FELL = 0.95
# Heavy-tailed losses near zero are multiples of their best without anything being lost.
SHARE_OF_FALL = 0.15
FEWEST = 4

RESUME_LOGS = 40

BREAK_SIGMAS = 4.0
LEAST_BREAK = 0.10


@dataclass(frozen=True)
class TrainRise:
    """How a rise is told from noise: median of `width` losses, `persistence` entries long, over `ratio` times the best
    and over `sigmas` standard deviations of single losses.
    """

    width: int
    persistence: int
    ratio: float
    sigmas: float


LONG = TrainRise(15, 10, 1.3, 3.0)
SHORT = TrainRise(5, 5, 1.3, 5.0)
# Few entries say little about their own scatter.
VERY_SHORT = TrainRise(5, 5, 2.0, 5.0)


def divergence(curves: Curves) -> Finding | None:
    """`divergence`: the running median of the loss is 1.3 times its best and far above the scatter of single losses,
    many entries long; or it is back where it began although it had fallen. Evaluations made since then must have risen
    as well.
    Nothing is made of a rise under 15 % of the fall before: near zero everything is a multiple.

    In a log that ends with under ten entries: the last three are twice the best, or 1.3 times with evaluations that say
    the same.
    """
    kept = np.isfinite(curves.train.loss) & (curves.train.loss > 0)
    loss, step = curves.train.loss[kept], curves.train.step[kept]
    if len(loss) < SHORT.width + SHORT.persistence:
        return _few(curves, loss, step)
    rule = LONG if len(loss) >= FEWEST_LONG else SHORT if len(loss) >= FEWEST_SHORT else VERY_SHORT
    if step[-1] <= curves.warmup_steps:
        return None
    level = running_median(loss, rule.width)
    # The first medians are of fewer and rest on one low loss.
    best = level.copy()
    best[:2] = math.inf
    np.minimum.accumulate(best, out=best)
    scatter = max(residual_spread(np.log(loss[-200:])), LEAST_SPREAD)
    start = float(np.median(loss[:3]))

    def wrong(part: slice) -> npt.NDArray[np.bool_]:
        now, low = level[part], best[part]
        above = np.log(now / low)
        clear = (above > rule.sigmas * scatter) & (now - low > SHARE_OF_FALL * np.maximum(start - low, 0))
        undone = (now >= start) & (low < FELL * start) & (step[part] > curves.warmup_steps)
        found: npt.NDArray[np.bool_] = clear & ((above > math.log(rule.ratio)) | undone)
        return found

    if not wrong(slice(-rule.persistence, None)).all():
        return None
    calm = np.flatnonzero(~wrong(slice(None)))
    onset = int(calm[-1]) + 1 if len(calm) else 0
    if held_out_denies(curves, int(step[onset]), EVAL_RISE):
        return None
    return _diverged(curves, step, level, best, onset, scatter)


def _few(curves: Curves, loss: Column, step: Column) -> Finding | None:
    """The same for a log too short for medians."""
    if len(loss) < FEWEST or _goes_on_for_long(curves):
        return None
    best = np.minimum.accumulate(loss)
    least = float(loss[-3:].min() / best[-1])
    points = finite(curves.val)
    agrees = len(points) > 2 and least_loss(points[-2:]) > SHORT.ratio * least_loss(points)
    if loss[-3:].min() < SHORT.ratio * loss[0] or not (
        least > VERY_SHORT.ratio or (agrees and least > SHORT.ratio)
    ):
        return None
    return _diverged(curves, step, loss, best, len(loss) - 3, LEAST_SPREAD)


def _goes_on_for_long(curves: Curves) -> bool:
    """Whether medians will soon be had: then three entries need not decide."""
    train = curves.train
    if curves.is_over or not curves.total_steps:
        return False
    return curves.total_steps * len(train) / float(train.step[-1]) >= FEWEST_SHORT


def _diverged(
    curves: Curves, step: Column, level: Column, best: Column, onset: int, scatter: float
) -> Finding:
    best_at = int(np.argmin(level[: onset + 1])) if onset else 0
    since = int(step[best_at])
    low, now = float(best[-1]), float(level[-1])
    keep = max((c for c in curves.checkpoints if c <= since), default=None)
    rate = curves.train.lr[np.searchsorted(curves.train.step, since)]
    return Finding(
        id="divergence",
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


def resume_break(curves: Curves) -> Finding | None:
    """`resume-break`: the loss after the last resume lies above where its trend before would have led, beyond its
    scatter and the trend's own uncertainty. A loss that falls on is no break, whatever its size.
    """
    if not curves.resumed_at:
        return None
    train, border = curves.train, curves.resumed_at[-1]
    logs = log_losses(train.loss)
    before, after = logs[train.step <= border], logs[train.step > border]
    before, after = before[np.isfinite(before)][-RESUME_LOGS:], after[np.isfinite(after)][:AFTER_RESUME]
    if len(before) < 2 * AFTER_RESUME or len(after) < AFTER_RESUME:
        return None
    slope, _, steepest = theil_sen(before)
    middle = (len(before) - 1) / 2
    ahead = len(before) + (len(after) - 1) / 2 - middle
    level = float(np.median(before))
    scatter = max(spread(before - level - slope * (np.arange(len(before)) - middle)), LEAST_SPREAD)
    # Where it would be at most: a fall does not turn into a rise by going on.
    predicted = max(
        level + slope * ahead, min(level + steepest * ahead, float(np.median(before[-AFTER_RESUME:])))
    )
    jump = float(np.median(after)) - predicted
    if jump <= max(BREAK_SIGMAS * scatter, LEAST_BREAK):
        return None
    old, new = math.exp(float(np.median(before[-AFTER_RESUME:]))), math.exp(float(np.median(after)))
    return Finding(
        id="resume-break",
        name="resume broke the run",
        severity=Severity.ERROR,
        since_step=border,
        sentence=f"Train loss {old:.3f} before the resume at step {border}, {new:.3f} after it (noise "
        f"±{100 * scatter:.0f} %): it did not go on where it was.",
        actions=(Action("stop; check adapter, optimizer state and data of the checkpoint"),),
        evidence={
            "before_loss": old,
            "predicted_loss": math.exp(predicted),
            "loss": new,
            "noise_percent": 100 * scatter,
        },
    )
