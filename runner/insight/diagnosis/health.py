"""D1 and D2: runs that are broken whatever their curves look like."""

from __future__ import annotations

import math

from runner.insight.curves import Curves
from runner.insight.diagnosis.finding import Finding, Severity


def non_finite(curves: Curves) -> Finding | None:
    """D1: a training or evaluation loss is NaN or infinite."""
    train = curves.train
    bad = [
        (int(train.step[i]), "train loss") for i, loss in enumerate(train.loss) if not math.isfinite(loss)
    ][:1]
    for name, points in curves.evals.items():
        bad += [(point.step, f"{name} loss") for point in points if not math.isfinite(point.loss)][:1]
    if not bad:
        return None
    step, what = min(bad)
    last = next((loss for i, loss in _before(curves, step) if math.isfinite(loss)), math.nan)
    keep = max((c for c in curves.checkpoints if c < step), default=None)
    return Finding(
        id="D1",
        name="non-finite loss",
        severity=Severity.ERROR,
        since_step=step,
        sentence=f"The {what} is not a number since step {step}; the weights are spoilt from there on.",
        actions=(
            f"go back to checkpoint-{keep}" if keep is not None else "stop: nothing before it was saved",
            "learning rate ÷ 3, or bf16 instead of fp16",
            "look at the rows of that step",
        ),
        evidence={"step": step, "last_finite_loss": last, "non_finite_steps": _count(curves)},
        keep_step=keep,
    )


def _before(curves: Curves, step: int) -> list[tuple[float, float]]:
    pairs = list(zip(curves.train.step, curves.train.loss, strict=True))
    return [pair for pair in reversed(pairs) if pair[0] < step]


def _count(curves: Curves) -> int:
    return sum(not math.isfinite(loss) for loss in curves.train.loss)


def nothing_trained(curves: Curves) -> Finding | None:
    """D2: no parameter is trainable, or loss and gradient are exactly zero for two steps (no label to learn from)."""
    if curves.trainable_parameters == 0:
        return Finding(
            id="D2",
            name="nothing is trained",
            severity=Severity.ERROR,
            since_step=0,
            sentence="No parameter of the model is trainable: the run changes nothing.",
            actions=("check lora.use_peft and lora.target_modules",),
            evidence={"trainable_parameters": 0},
        )
    train = curves.train
    for i in range(1, len(train)):
        if all(train.loss[k] == 0 and train.grad_norm[k] == 0 for k in (i - 1, i)):
            step = int(train.step[i - 1])
            return Finding(
                id="D2",
                name="nothing is trained",
                severity=Severity.ERROR,
                since_step=step,
                sentence=f"Loss and gradient are exactly 0 since step {step}: no token is learned from.",
                actions=(
                    "check the chat template and train.assistant_only_loss",
                    "look at one row as the model sees it",
                ),
                evidence={"step": step, "loss": 0.0, "grad_norm": 0.0},
            )
    return None
