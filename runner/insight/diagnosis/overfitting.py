"""D8 and D9: the held-out loss rises while the training rows are still being learned.

A rise is judged against the noise of the evaluations themselves, and the train-probe (training rows evaluated with the
same weights in the same mode) tells memorising from plain instability.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from runner.insight.curves import Curves, EvalPoint
from runner.insight.diagnosis.finding import Finding, Severity
from runner.insight.diagnosis.noise import eval_noise, slope

FEWEST_FOR_SLOPE = 4
SLOPE_T = 4.0
SLOPE_RISE = 0.01
WATCH_RISE = 0.01
JUMP_RISE = 0.02
CRITICAL_RISE = 0.05


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
    1 %; or (B) the last two are both over 2 % and two noises above the best, corrected for its being the best of n
    (σ√(2 ln n): the minimum of n noisy values is too low).
    """
    current = rise(points)
    if current is None:
        return False
    tail = [point.loss for point in points[-current.after - 1 :]]
    if len(tail) >= FEWEST_FOR_SLOPE:
        beta, sxx = slope(tail)
        steady = beta * math.sqrt(sxx) / current.noise > SLOPE_T
        if steady and beta * (len(tail) - 1) > SLOPE_RISE * current.best.loss:
            return True
    if current.after < 2:
        return False
    corrected = current.best.loss + current.noise * math.sqrt(2 * math.log(len(points)))
    return all(
        loss - corrected > 2 * current.noise and loss > (1 + JUMP_RISE) * current.best.loss
        for loss in tail[-2:]
    )


def watch(curves: Curves) -> Finding | None:
    """D8: the held-out loss went up twice since its best. Loose on purpose: it is shown, never shouted."""
    points = _finite(curves.val)
    current = rise(points)
    if current is None or current.after < 2:
        return None
    if current.now.loss < (1 + WATCH_RISE) * current.best.loss or points[-1].loss <= points[-2].loss:
        return None
    return Finding(
        id="D8",
        name="eval loss is rising",
        severity=Severity.INFO,
        since_step=current.best.step,
        sentence=(
            f"Eval {current.best.loss:.3f} → {current.now.loss:.3f} "
            f"({100 * current.relative:+.1f} %) since step {current.best.step}; not yet more than noise."
        ),
        actions=("nothing yet; evaluate more often to know sooner",),
        evidence=current.evidence(),
    )


def overfitting(curves: Curves) -> Finding | None:
    """D9: the held-out loss rises beyond noise while the loss on training rows has fallen."""
    points = _finite(curves.val)
    current = rise(points)
    if current is None or not is_rising(points):
        return None
    fall = training_fall(curves, current)
    if fall is None or fall <= current.noise:
        return None
    probe = fall / _training_loss_at(curves, current.best.step)
    critical = current.relative >= CRITICAL_RISE
    evidence = current.evidence() | {"training_fall_percent": 100 * probe}
    keep = current.best.step if current.best.step in curves.checkpoints or current.best.step > 0 else None
    return Finding(
        id="D9",
        name="overfitting",
        severity=Severity.CRITICAL if critical else Severity.WARNING,
        since_step=current.best.step,
        sentence=(
            f"Held-out loss {current.best.loss:.3f} → {current.now.loss:.3f} ({100 * current.relative:+.1f} %, noise "
            f"±{100 * current.noise / current.best.loss:.1f} %) over {current.after} evaluations since step "
            f"{current.best.step}, while the training rows' loss fell {100 * probe:.0f} %."
        ),
        actions=(_keep(current.best.step, keep), *_next_time(curves, current.best)),
        evidence=evidence,
        keep_step=keep,
    )


def training_fall(curves: Curves, current: Rise) -> float | None:
    """How far the loss on training rows fell between the best evaluation and the last, in nats a token.

    From the train-probe; without one, from the mean train loss before each evaluation, and only from the second epoch
    on: in the first, training rows are as new to the model as held-out ones. None when neither can tell.
    """
    probe = {point.step: point.loss for point in _finite(curves.probe)}
    if current.best.step in probe and current.now.step in probe:
        return probe[current.best.step] - probe[current.now.step]
    if curves.steps_per_epoch and current.now.step > curves.steps_per_epoch:
        before, after = (_mean_before(curves, step) for step in (current.best.step, current.now.step))
        if before is not None and after is not None:
            return before - after
    return None


def _training_loss_at(curves: Curves, step: int) -> float:
    probe = {point.step: point.loss for point in _finite(curves.probe)}
    return probe.get(step) or _mean_before(curves, step) or math.inf


def _mean_before(curves: Curves, step: int, most: int = 20) -> float | None:
    """Mean train loss of the last `most` steps up to `step`."""
    end = bisect_right(curves.train.step, step)
    losses = [loss for loss in curves.train.loss[max(0, end - most) : end] if math.isfinite(loss)]
    return sum(losses) / len(losses) if losses else None


def _finite(points: Sequence[EvalPoint]) -> list[EvalPoint]:
    return [point for point in points if math.isfinite(point.loss)]


def _keep(best: int, keep: int | None) -> str:
    return (
        f"keep checkpoint-{best}"
        if keep is not None
        else "keep the base model: no checkpoint is better than it"
    )


def _next_time(curves: Curves, best: EvalPoint) -> tuple[str, ...]:
    epochs = best.epoch or (best.step / curves.steps_per_epoch if curves.steps_per_epoch else 0.0)
    shorter = f"stop at about {epochs:.1f} epochs" if epochs else "fewer epochs"
    return (f"next time: {shorter}, a lower learning rate, dropout 0.1, or more data",)
