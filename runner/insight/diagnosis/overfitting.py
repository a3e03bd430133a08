"""The held-out loss rises: because training rows are learned by heart, for another reason, or for one that is not seen.

A rise is held against the scatter of the evaluations themselves (held_out_trend.py), and the training rows tell which
of the three it is (training_side.py).
"""

from __future__ import annotations

import math

from runner.insight.curves import Curves, EvalPoint, finite
from runner.insight.diagnosis.finding import (
    HALF_RATE,
    MORE_DROPOUT,
    Action,
    Change,
    Finding,
    FindingKind,
    Severity,
)
from runner.insight.diagnosis.held_out import metrics_that_improve
from runner.insight.diagnosis.held_out_trend import Rise, rise
from runner.insight.diagnosis.training_side import Training, TrainingSide, training_side
from runner.insight.paired import Paired

SEEN_RISE = 0.03
SEEN_NOISES = 2.0
CRITICAL_RISE = 0.05
# Without a word of the training rows a rise must be larger to be called grave, or to be called at all.
UNEXPLAINED_RISE = 0.06
MOST_EPOCHS = 10_000
UNEXPLAINED_ODDS = 1.0
UNEXPLAINED_CRITICAL = 0.20


def held_out_rise(curves: Curves) -> Rise | None:
    """How the last evaluation of the held-out rows lies to the best one."""
    return rise(finite(curves.val), curves.row_losses.get("val"))


def overfitting(curves: Curves) -> Finding | None:
    """`overfitting`: the held-out loss rises beyond its scatter while the loss on training rows falls, or lies so low
    that they are known by heart.
    """
    current = held_out_rise(curves)
    if current is None or not (current.is_sure or current.is_sure_by_rows):
        return None
    side = training_side(curves, current)
    # One evaluation decides only where the same weights do better on training rows.
    if not side.state.is_memorising or not (current.is_sure or side.by_probe):
        return None
    critical = current.relative >= CRITICAL_RISE and current.is_sure
    advice, keep = _keep(curves, current.best.step)
    return Finding(
        id="overfitting",
        name="overfitting",
        severity=Severity.CRITICAL if critical else Severity.WARNING,
        since_step=current.best.step,
        sentence=f"Held-out loss {_change(current)} over {_evaluations(current)} since step {current.best.step}, "
        f"{_learned(side)}.{_rows(current.rows)}{metrics_that_improve(curves, current.best.step)}",
        actions=(advice, *_next_time(curves, current.best)),
        evidence=current.numbers() | _side_numbers(side),
        keep_step=keep,
        evals=_since_best(curves, current),
    )


def worsening(curves: Curves) -> Finding | None:
    """`worsening`: the held-out loss rises beyond its scatter, and the training rows do not explain it: they are not
    learned any better either, or nothing is known of them.
    """
    current = held_out_rise(curves)
    if current is None or current.evidence < UNEXPLAINED_ODDS or current.relative < UNEXPLAINED_RISE:
        return None
    side = training_side(curves, current)
    if side.state.is_memorising:
        return None
    advice, keep = _keep(curves, current.best.step)
    return Finding(
        id="worsening",
        name="worsening",
        severity=Severity.CRITICAL if current.relative >= UNEXPLAINED_CRITICAL else Severity.WARNING,
        since_step=current.best.step,
        sentence=f"Held-out loss {_change(current)} over {_evaluations(current)} since step {current.best.step}; "
        f"{_unexplained(side)}.{_rows(current.rows)}{metrics_that_improve(curves, current.best.step)}",
        actions=(advice, *_against(side, curves, current.best)),
        evidence=current.numbers() | _side_numbers(side),
        keep_step=keep,
        evals=_since_best(curves, current),
    )


def watch(curves: Curves) -> Finding | None:
    """`held-out-rising`: the last evaluation lies over 3 % and two standard deviations above the best one, or over 5 %
    whatever the scatter, but nothing confirms it yet. A remark, no alarm.
    """
    current = held_out_rise(curves)
    if current is None or current.relative <= SEEN_RISE:
        return None
    scatters = current.relative <= SEEN_NOISES * current.noise / current.best.loss
    if scatters and current.relative <= CRITICAL_RISE:
        return None
    _, keep = _keep(curves, current.best.step)
    over = curves.is_over
    why = "no more than twice its scatter" if scatters else "too few evaluations to say why"
    return Finding(
        id="held-out-rising",
        name="held-out loss is up",
        severity=Severity.INFO,
        since_step=current.best.step,
        sentence=f"Held-out loss {_change(current)} since step {current.best.step}; "
        + (f"{why}." if over else "the next evaluations will tell.")
        + metrics_that_improve(curves, current.best.step),
        actions=(Action(f"keep checkpoint-{keep}") if over and keep else Action("evaluate more often"),),
        evidence=current.numbers(),
        keep_step=keep,
        evals=_since_best(curves, current),
    )


def _since_best(curves: Curves, current: Rise) -> tuple[EvalPoint, ...]:
    return tuple(finite(curves.val)[-current.after - 1 :])


def _evaluations(current: Rise) -> str:
    return f"{current.after} evaluation{'s' if current.after > 1 else ''}"


def _change(current: Rise) -> str:
    """'1.311 → 1.402 (+6.9 %, noise ±0.4 %)'."""
    best, now = current.best.loss, current.now.loss
    noise = 100 * current.noise / best
    return f"{best:.3f} → {now:.3f} ({100 * current.relative:+.1f} %, noise ±{noise:.1f} %)"


def _learned(side: TrainingSide) -> str:
    which = "that of training rows" if side.by_probe else "the train loss"
    if side.state is Training.BY_HEART:
        return f"while {which} is down at {side.now:.3g}: the training rows are known by heart"
    return f"while {which} fell {side.before:.3g} → {side.now:.3g}"


def _unexplained(side: TrainingSide) -> str:
    return {
        Training.NOT_FALLEN: f"the loss on training rows does not fall either ({side.before:.3g} → {side.now:.3g}): "
        "instability, not overfitting",
        Training.FIRST_EPOCH: "in the first epoch nothing can be known by heart: held-out rows of another kind, or a "
        "rate that is too high",
        Training.TOO_SPARSE: "the train loss is too sparse to say whether this is overfitting",
        Training.UNSEEN: "no train loss is known, so whether this is overfitting cannot be said",
    }[side.state]


def _against(side: TrainingSide, curves: Curves, best: EvalPoint) -> tuple[Action, ...]:
    if side.state.is_known:
        return (Action("next time: half the learning rate", (HALF_RATE,)),)
    return (*_next_time(curves, best)[:1], Action("log the train loss at least as often as evaluations"))


def _rows(rows: Paired | None) -> str:
    return f" {100 * rows.share_worse:.0f} % of {rows.n} held-out rows got worse." if rows is not None else ""


def _side_numbers(side: TrainingSide) -> dict[str, float]:
    told = {
        "train_loss_before": side.before,
        "train_loss": side.now,
        "training_fall_percent": 100 * side.fall,
    }
    return {key: value for key, value in told.items() if math.isfinite(value)}


def _keep(curves: Curves, best: int) -> tuple[Action, int | None]:
    """What to keep of a run whose best evaluation was at this step: in words, and the checkpoint's step."""
    if best <= 0:
        return Action("keep the base model: no checkpoint is better than it"), None
    if best in curves.checkpoints or not curves.checkpoints:
        return Action(f"keep checkpoint-{best}"), best
    near = min(curves.checkpoints, key=lambda step: abs(step - best))
    return Action(f"keep checkpoint-{near}, the nearest that was saved to the best at step {best}"), near


def _next_time(curves: Curves, best: EvalPoint) -> tuple[Action, ...]:
    epochs = best.epoch or (best.step / curves.steps_per_epoch if curves.steps_per_epoch else 0.0)
    # A damaged record may say anything.
    if 0 < epochs <= MOST_EPOCHS:
        # Rounded up: what was best is to be reached.
        fewer = math.ceil(10 * epochs) / 10
        shorter = Action(
            f"next time: {fewer:g} epoch{'s' if fewer != 1 else ''} and dropout 0.1",
            (Change("train.num_train_epochs", FindingKind.AT_MOST, fewer), MORE_DROPOUT),
        )
    else:
        shorter = Action("next time: half the learning rate and dropout 0.1", (HALF_RATE, MORE_DROPOUT))
    return (shorter, Action("or more and more varied data"))
