"""Nothing is left to learn: the train loss is next to zero."""

from __future__ import annotations

import math

import numpy as np

from runner.insight.curves import Curves, finite
from runner.insight.diagnosis.finding import Action, Change, Finding, FindingKind, Severity
from runner.insight.diagnosis.health import unusable

NEAR_ZERO = 5e-4
ENTRIES = 5
BY_HEART = 0.02
FEWEST_EPOCHS = 2.0
WIDTH = 10


def converged(curves: Curves) -> Finding | None:
    """`converged`: the train loss is under 0.0005 at each of the last five entries, after a loss that was not."""
    train = curves.train
    bad = unusable(curves)
    if len(train) <= ENTRIES or bad[-ENTRIES:].any() or not (train.loss[-ENTRIES:] <= NEAR_ZERO).all():
        return None
    above = np.flatnonzero(~bad & (train.loss > NEAR_ZERO))
    if not len(above):
        return None
    since = int(train.step[min(int(above[-1]) + 1, len(train) - 1)])
    return Finding(
        id="converged",
        name="nothing left to learn",
        severity=Severity.INFO,
        since_step=since,
        sentence=f"Train loss {train.loss[-1]:.4f} since step {since}: nothing is left to learn from these rows.",
        actions=(
            Action("stopping early is safe"),
            Action("next time: fewer epochs, or rows that are harder", (_FEWER,)),
        ),
        evidence={"loss": float(train.loss[-1]), "highest_loss": float(train.loss[above].max())},
    )


def learned_by_heart(curves: Curves) -> Finding | None:
    """`memorisation` without any evaluation: a train loss under 0.02 after at least two epochs. Rows seen again and
    again are known by heart; whether anything else was learned is not measured.
    """
    train = curves.train
    losses = train.loss[~unusable(curves)]
    epochs = _epochs(curves)
    if finite(curves.val) or len(losses) < WIDTH or not epochs >= FEWEST_EPOCHS:
        return None
    level = float(np.median(losses[-WIDTH:]))
    if level >= BY_HEART or level >= BY_HEART * float(np.median(losses[:3])) * WIDTH:
        return None
    return Finding(
        id="memorisation",
        name="learned by heart",
        severity=Severity.INFO,
        since_step=curves.step,
        sentence=f"Train loss {level:.4f} after {epochs:.1f} epochs, and nothing is evaluated: these rows are known by "
        "heart; whether anything else was learned is not known.",
        actions=(
            Action("next time: hold rows out", (Change("data.eval_fraction", FindingKind.AT_LEAST, 0.05),)),
            Action("next time: fewer epochs", (_FEWER,)),
        ),
        evidence={"loss": level, "epochs": epochs},
    )


_FEWER = Change("train.num_train_epochs", FindingKind.TIMES, 0.5)


def _epochs(curves: Curves) -> float:
    known = curves.train.epoch[np.isfinite(curves.train.epoch)]
    if len(known):
        return float(known[-1])
    return curves.step / curves.steps_per_epoch if curves.steps_per_epoch else math.nan
