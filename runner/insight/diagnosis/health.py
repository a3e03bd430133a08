"""Runs that are broken whatever their curves look like."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from runner.insight.curves import Curves, EvalPoint
from runner.insight.diagnosis.finding import LOWER_RATE, Action, Finding, Severity
from runner.insight.diagnosis.words import loss_of
from runner.insight.task import Task, task_of
from runner.insight.train_curve import Column

ZEROS_IN_A_ROW = 3
# A loss that was above this and is exactly zero from then on was not learned down to zero.
HIGH_BEFORE_ZERO = 0.05
SKIPS_IN_A_ROW = 3
SKIP_WINDOW = 50
# torch's GradScaler begins at 65,536 and halves it at each overflow until gradients fit: that is how it works.
SCALER_STEPS = 20
SKIP_SHARE = 0.05
SHOWN = 5


def non_finite(curves: Curves) -> Finding | None:
    """`non-finite`: a training or evaluation loss is NaN or infinite."""
    train = curves.train
    bad = unusable(curves)
    found = [(int(train.step[bad][0]), "train loss")] if bad.any() else []
    # Were the weights spoilt, the next train loss would be no number either: the evaluation is (evaluation-nan).
    # Where a NaN shows as 0.0, a zero is no such sign.
    goes_on = len(bad) > 0 and not bad[-1] and not (curves.nan_hidden and train.loss[-1] == 0)
    for name, points in curves.evals.items():
        broken = [(point.step, loss_of(name)) for point in points if not math.isfinite(point.loss)][:1]
        found += [one for one in broken if not goes_on]
    if not found:
        return None
    step, what = min(found)
    before = train.loss[(train.step < step) & np.isfinite(train.loss)]
    keep = max((c for c in curves.checkpoints if c < step), default=None)
    hidden = bad.any() and bool(np.isfinite(train.loss[bad]).all())
    shown = "shows as 0.0" if hidden and what == "train loss" else "is not a number"
    return Finding(
        id="non-finite",
        name="non-finite loss",
        severity=Severity.ERROR,
        since_step=step,
        sentence=f"The {what} {shown} since step {step}; the weights are spoilt from there on.",
        actions=(
            Action(
                f"go back to checkpoint-{keep}" if keep is not None else "stop: nothing before it was saved"
            ),
            Action("learning rate ÷ 3, and bf16 instead of fp16", (LOWER_RATE,)),
            Action("look at the rows of that step"),
        ),
        evidence={
            "step": step,
            "last_finite_loss": float(before[-1]) if len(before) else math.nan,
            "non_finite_steps": int(bad.sum()),
        },
        keep_step=keep,
        steps=(step,),
    )


def unusable(curves: Curves) -> npt.NDArray[np.bool_]:
    """Which entries have a train loss that is none, shape (n,).

    The stock Trainer shows a NaN as 0.0 (`nan_hidden`). A zero whose gradient norm is a number was computed; where
    norms are logged and this one is none, or where none is logged and the zeros came at once, it hides a NaN.
    """
    train = curves.train
    bad = ~np.isfinite(train.loss)
    # A saturated preference run and a reward run's first steps are at 0; rewards would tell of a NaN.
    if curves.nan_hidden and task_of(curves) is Task.SUPERVISED:
        zero = train.loss == 0
        norms = np.isfinite(train.grad_norm)
        bad |= zero & ~norms if norms.any() else zero & (np.isinf(train.grad_norm) | _is_collapse(train.loss))
    return np.asarray(bad)


def _is_collapse(losses: Column) -> npt.NDArray[np.bool_]:
    """Zeros that end a log and came at once, or are all there is: the stock filter's way to show NaN."""
    collapsed = np.zeros(len(losses), dtype=bool)
    others = np.flatnonzero(losses != 0)
    first = int(others[-1]) + 1 if len(others) else 0
    if len(losses) - first >= ZEROS_IN_A_ROW and (not first or losses[first - 1] > HIGH_BEFORE_ZERO):
        collapsed[first:] = True
    return collapsed


def evaluation_nan(curves: Curves) -> Finding | None:
    """`evaluation-nan`: an evaluation's loss is not a number while training goes on in numbers: then some held-out row
    is broken, not the weights.
    """
    for name, points in curves.evals.items():
        bad = [point for point in points if not math.isfinite(point.loss)]
        if bad:
            return _broken_evaluation(name, points, bad)
    return None


def _broken_evaluation(name: str, points: Sequence[EvalPoint], broken: Sequence[EvalPoint]) -> Finding:
    step, bad, of = broken[0].step, len(broken), len(points)
    return Finding(
        id="evaluation-nan",
        name="evaluation is not a number",
        severity=Severity.WARNING if broken[-1] is points[-1] else Severity.INFO,
        since_step=step,
        sentence=f"The {loss_of(name)} is not a number in {bad} of {of} evaluation{'s' if of > 1 else ''}, first at "
        f"step {step}, while training goes on: some row there has nothing to predict, or overflows in fp16.",
        actions=(Action("look for held-out rows without an answer"), Action("bf16 instead of fp16")),
        evidence={"step": step, "bad_evaluations": bad, "evaluations": of},
        evals=tuple(broken[:SHOWN]),
        eval_set="" if name == "val" else name,
    )


def skipped_steps(curves: Curves) -> Finding | None:
    """`steps-skipped`: gradients overflow again and again while the loss stays finite: fp16's scaler skips them.
    Those of the first twenty steps, by which it finds its scale, do not count.
    """
    train = curves.train
    # NaN alone may mean that no norm was logged.
    known = np.isfinite(train.grad_norm).any() and not curves.has_norm_gaps
    bad = np.isinf(train.grad_norm) | (np.isnan(train.grad_norm) & known)
    bad &= np.isfinite(train.loss) & (train.loss != 0) & (train.step > SCALER_STEPS)
    recent = bad[-SKIP_WINDOW:]
    in_a_row = len(bad) >= SKIPS_IN_A_ROW and bool(bad[-SKIPS_IN_A_ROW:].all())
    if not in_a_row and not (len(recent) == SKIP_WINDOW and recent.mean() > SKIP_SHARE):
        return None
    return Finding(
        id="steps-skipped",
        name="steps are skipped",
        severity=Severity.WARNING,
        since_step=int(train.step[bad][0]),
        sentence=f"{int(recent.sum())} of the last {len(recent)} gradients are not finite: fp16 skips such steps.",
        actions=(Action("bf16 where the card has it"), Action("learning rate ÷ 3", (LOWER_RATE,))),
        evidence={"skipped": int(bad.sum()), "skipped_recently": int(recent.sum())},
    )


def nothing_trained(curves: Curves) -> Finding | None:
    """`nothing-trained`: no parameter is trainable, or loss and gradient are exactly zero in the first two entries: no
    label to learn from. Zeros later on are a run that has converged.
    """
    if curves.trainable_parameters == 0:
        return _nothing(0, "No parameter of the model is trainable: the run changes nothing.", _TARGETS)
    train = curves.train
    zero = (train.loss == 0) & (train.grad_norm == 0)
    if len(zero) < 2 or not zero[:2].all():
        return None
    step = int(train.step[0])
    return _nothing(
        step, f"Loss and gradient are exactly 0 since step {step}: no token is learned from.", _MASK
    )


_TARGETS = (Action("check lora.use_peft and lora.target_modules"),)
_MASK = (
    Action("check the chat template and train.assistant_only_loss"),
    Action("look at one row as the model sees it"),
)


def _nothing(step: int, sentence: str, actions: tuple[Action, ...]) -> Finding:
    return Finding(
        id="nothing-trained",
        name="nothing is trained",
        severity=Severity.ERROR,
        since_step=step,
        sentence=sentence,
        actions=actions,
        evidence={"step": step},
    )
