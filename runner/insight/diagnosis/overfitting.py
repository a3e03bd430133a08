"""The held-out loss rises, with the training rows still being learned or without.

A rise is judged against the noise of the evaluations themselves, and the train-probe (training rows evaluated with the
same weights in the same mode) tells memorising from plain instability.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from runner.insight.curves import Curves, EvalPoint
from runner.insight.diagnosis.finding import HALF_RATE, MORE_DROPOUT, Action, Change, Finding, Kind, Severity
from runner.insight.diagnosis.rising import Rise, is_rising, rise
from runner.insight.paired import Paired, paired

WATCH_RISE = 0.01
CRITICAL_RISE = 0.05
WORSE_RISE = 0.06
GAP_SEEN = 0.10


def watch(curves: Curves) -> Finding | None:
    """`held-out-rising`: the held-out loss went up twice since its best. Loose on purpose: it is shown, never
    shouted.
    """
    points = _finite(curves.val)
    current = rise(points)
    if current is None or current.after < 2:
        return None
    if current.now.loss < (1 + WATCH_RISE) * current.best.loss or points[-1].loss <= points[-2].loss:
        return None
    return Finding(
        id="held-out-rising",
        name="eval loss is rising",
        severity=Severity.INFO,
        since_step=current.best.step,
        sentence=(
            f"Eval {current.best.loss:.3f} → {current.now.loss:.3f} "
            f"({100 * current.relative:+.1f} %) since step {current.best.step}; not yet more than noise."
        ),
        actions=(Action("nothing yet; evaluate more often to know sooner"),),
        evidence=current.evidence(),
        evals=tuple(points[-current.after - 1 :]),
    )


def overfitting(curves: Curves) -> Finding | None:
    """`overfitting`: the held-out loss rises beyond noise while the loss on training rows has fallen."""
    points = _finite(curves.val)
    current = rise(points)
    if current is None or not is_rising(points):
        return None
    fall = training_fall(curves, current)
    if fall is None or fall <= current.noise:
        return None
    share = fall / _training_loss_at(curves, current.best.step)
    critical = current.relative >= CRITICAL_RISE
    rows = row_changes(curves, current)
    advice, keep = _keep(curves, current.best.step)
    return Finding(
        id="overfitting",
        name="overfitting",
        severity=Severity.CRITICAL if critical else Severity.WARNING,
        since_step=current.best.step,
        sentence=(
            f"Held-out loss {_change(current)} over {current.after} evaluations since step {current.best.step}, while "
            f"the training rows' loss fell {100 * share:.0f} %.{_rows_in_words(rows)}"
        ),
        actions=(advice, *_next_time(curves, current.best)),
        evidence=current.evidence() | {"training_fall_percent": 100 * share} | _rows_as_numbers(rows),
        keep_step=keep,
        evals=tuple(points[-current.after - 1 :]),
    )


def worsening(curves: Curves) -> Finding | None:
    """`worsening`: the held-out loss rises beyond noise although the training rows are not learned any better."""
    points = _finite(curves.val)
    current = rise(points)
    if current is None or not is_rising(points):
        return None
    fall = training_fall(curves, current)
    # What cannot be told is not alarmed about: in the first epoch every row is new, and within one epoch the train loss
    # has no reason to fall.
    if (
        fall is None
        or fall > current.noise
        or _within_an_epoch(curves, current)
        or current.relative < WORSE_RISE
        or not is_rising(points[:-1])
    ):
        return None
    rows = row_changes(curves, current)
    advice, keep = _keep(curves, current.best.step)
    return Finding(
        id="worsening",
        name="worsening",
        severity=Severity.WARNING,
        since_step=current.best.step,
        sentence=(
            f"Held-out loss {_change(current)} since step {current.best.step}, and the training rows' loss does not "
            f"fall either: this is instability, not overfitting.{_rows_in_words(rows)}"
        ),
        actions=(advice, Action("next time: half the learning rate", (HALF_RATE,))),
        evidence=current.evidence() | {"training_fall": fall} | _rows_as_numbers(rows),
        keep_step=keep,
        evals=tuple(points[-current.after - 1 :]),
    )


def memorisation(curves: Curves) -> Finding | None:
    """`memorisation`: the same weights do far better on rows they were trained on than on held-out ones: (E − P)/E
    over 10 %. Needs the train-probe. Never more than a remark: three healthy epochs can end 30 % apart with a flat
    held-out loss.
    """
    points, probe = _finite(curves.val), {p.step: p for p in _finite(curves.probe)}
    if len(points) < 3 or points[-1].step not in probe or points[-1].loss <= 0:
        return None
    now, learned = points[-1], probe[points[-1].step]
    gap = (now.loss - learned.loss) / now.loss
    first = probe.get(points[0].step)
    # What was apart before training is the rows' difference, not their being known by heart.
    gap -= max(0.0, (points[0].loss - first.loss) / points[0].loss) if first and points[0].step == 0 else 0.0
    if gap <= GAP_SEEN:
        return None
    accuracy = curves.train.accuracy[np.isfinite(curves.train.accuracy)][-20:]
    return Finding(
        id="memorisation",
        name="memorisation",
        severity=Severity.INFO,
        since_step=now.step,
        sentence=f"Held-out loss {now.loss:.3f}, {learned.loss:.3f} on training rows with the same weights "
        f"({100 * gap:.0f} % apart): answers are being learned by heart.",
        evidence={"gap_percent": 100 * gap, "eval_loss": now.loss, "probe_loss": learned.loss}
        | ({"token_accuracy": float(accuracy.mean())} if len(accuracy) else {}),
        evals=tuple(points[-3:]),
    )


def _within_an_epoch(curves: Curves, current: Rise) -> bool:
    """Whether only train losses of one epoch could tell; the probe tells at any time."""
    if any(point.step == current.now.step for point in curves.probe) or not curves.steps_per_epoch:
        return False
    return current.best.step // curves.steps_per_epoch == (current.now.step - 1) // curves.steps_per_epoch


def row_changes(curves: Curves, current: Rise) -> Paired | None:
    """Each held-out row's loss now against the best evaluation; None where they were not kept."""
    rows = curves.row_losses.get("val", {})
    before, now = rows.get(current.best.step), rows.get(current.now.step)
    return paired(before, now) if before is not None and now is not None else None


def _rows_in_words(rows: Paired | None) -> str:
    return f" {100 * rows.share_worse:.0f} % of {rows.n} held-out rows got worse." if rows is not None else ""


def _rows_as_numbers(rows: Paired | None) -> dict[str, float]:
    if rows is None:
        return {}
    return {
        "rows": rows.n,
        "rows_worse_percent": 100 * rows.share_worse,
        "row_difference": rows.mean,
        "row_difference_error": rows.error,
    }


def _change(current: Rise) -> str:
    """'1.311 → 1.402 (+6.9 %, noise ±0.4 %)'."""
    best, now = current.best.loss, current.now.loss
    noise = 100 * current.noise / best
    return f"{best:.3f} → {now:.3f} ({100 * current.relative:+.1f} %, noise ±{noise:.1f} %)"


def training_fall(curves: Curves, current: Rise) -> float | None:
    """How far the loss on training rows fell between the best evaluation and the last, in nats a token.

    From the train-probe; without one, from the train losses before each evaluation, and only from the second epoch on:
    in the first, training rows are as new to the model as held-out ones. None when neither can tell.
    """
    probe = {point.step: point.loss for point in _finite(curves.probe)}
    if current.best.step in probe and current.now.step in probe:
        return probe[current.best.step] - probe[current.now.step]
    if curves.steps_per_epoch and current.now.step > curves.steps_per_epoch:
        before, after = (_losses_before(curves, step) for step in (current.best.step, current.now.step))
        if before is not None and after is not None:
            return before - after
    return None


def _training_loss_at(curves: Curves, step: int) -> float:
    probe = {point.step: point.loss for point in _finite(curves.probe)}
    return probe.get(step) or _losses_before(curves, step) or math.inf


def _losses_before(curves: Curves, step: int) -> float | None:
    """Median train loss of the later half of the steps between an evaluation and the one before it."""
    train = curves.train
    earlier = max((point.step for point in curves.val if point.step < step), default=0)
    end = int(np.searchsorted(train.step, step, side="right"))
    start = int(np.searchsorted(train.step, (earlier + step) / 2, side="right"))
    losses = train.loss[min(start, max(0, end - 1)) : end]
    # Where a hidden NaN shows as 0.0 it is no loss.
    losses = losses[np.isfinite(losses) & (losses != 0)]
    return float(np.median(losses)) if len(losses) else None


def _finite(points: Sequence[EvalPoint]) -> list[EvalPoint]:
    return [point for point in points if math.isfinite(point.loss)]


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
    if epochs > 0:
        # Rounded up: what was best is to be reached.
        fewer = math.ceil(10 * epochs) / 10
        shorter = Action(
            f"next time: {fewer:g} epoch{'s' if fewer != 1 else ''} and dropout 0.1",
            (Change("train.num_train_epochs", Kind.AT_MOST, fewer), MORE_DROPOUT),
        )
    else:
        shorter = Action("next time: half the learning rate and dropout 0.1", (HALF_RATE, MORE_DROPOUT))
    return (shorter, Action("or more and more varied data"))
