"""The loss does not fall, no longer falls, or falls in a stair at an epoch's border."""

from __future__ import annotations

import math

import numpy as np

from runner.insight.curves import Curves, EvalPoint, finite, least_loss
from runner.insight.diagnosis.finding import HIGHER_RATE, Action, Finding, Severity
from runner.insight.diagnosis.noise import log_losses, residual_spread, theil_sen
from runner.insight.diagnosis.scatter import noise_of
from runner.insight.reduction import part_means
from runner.insight.train_curve import Column

FEWEST_LOGS = 30
SHARE_OF_STEPS = 0.10
LEAST_FALL = 0.02
# What the slope's confidence interval must rule out: a curve that is only noisy is not called flat.
MOST_FALL = 0.05
EVAL_FALL = 0.01
EVAL_AT_SHARE = 0.25

FEWEST_CONSTANT = 5
CONSTANT = 0.001
CONSTANT_SHARE = 0.10
LATE_TIMES = 3

PLATEAU_LOGS = 20
PLATEAU_SHARE = 0.15
PLATEAU_FALL = 0.005
PLATEAU_EVALS = 3
LOW_RATE_SHARE = 0.10

STAIR = 0.03
STAIR_Z = 3.0
STAIR_LOGS = 20
STAIR_FEWEST = 8
MOST_POINTS = 60


def not_learning(curves: Curves) -> Finding | None:
    """`not-learning`: after at least 30 entries and a tenth of the steps past the warm-up the train loss has fallen
    less than 2 % and its slope may be zero; or at a quarter of the run no evaluation is 1 % better than the model
    before training; or five and more, over a tenth of the run, are all the same; or at its half none is 2 % better and
    the train loss has fallen less than 2 % too.
    """
    # Of a log that begins in mid-run the fall was not seen.
    if curves.begins_at_step is not None:
        return None
    return _constant_evaluations(curves) or _flat_evaluations(curves) or _flat_losses(curves)


def _flat_losses(curves: Curves) -> Finding | None:
    train = curves.train
    logs = log_losses(train.loss)
    past = (train.step > curves.warmup_steps) & np.isfinite(logs)
    needed = max(FEWEST_LOGS, SHARE_OF_STEPS * _entries_in_run(curves))
    if past.sum() < needed:
        return None
    # A tenth of the entries, because three rest on few rows: a lucky start must not look like a rise.
    few = max(3, int(past.sum()) // 10)
    start = float(np.median(logs[np.isfinite(logs)][:few]))
    level = float(np.median(logs[past][-few:]))
    means = part_means(logs[past], MOST_POINTS)
    middle, low, high = theil_sen(means)
    fall = 1 - math.exp(level - start)
    could_have_fallen = -low * len(means)
    flat = fall < LEAST_FALL and low <= 0 <= high and could_have_fallen < MOST_FALL
    risen = level > start and curves.step > EVAL_AT_SHARE * (curves.total_steps or math.inf)
    if not flat and not (risen and could_have_fallen < 2 * MOST_FALL):
        return None
    if (points := finite(curves.val)) and _improved(points) >= EVAL_FALL:
        return None
    return _idle(
        curves,
        f"Train loss {math.exp(start):.3f} at the start, {math.exp(level):.3f} now ({-100 * fall:+.1f} %): nothing is "
        "learned.",
        {
            "fall_percent": 100 * fall,
            "slope_percent": 100 * middle,
            "slope_low_percent": 100 * low,
            "slope_high_percent": 100 * high,
        },
    )


def _constant_evaluations(curves: Curves) -> Finding | None:
    """No evaluation differs from another by 0.1 % (later in the run 0.3 %), and no fall came before the first one."""
    points = [point for point in finite(curves.val) if point.step > curves.warmup_steps]
    if len(points) < FEWEST_CONSTANT or points[-1].step < CONSTANT_SHARE * (curves.total_steps or 0):
        return None
    losses = [point.loss for point in points]
    late = points[-1].step >= 2 * EVAL_AT_SHARE * (curves.total_steps or math.inf)
    if (
        max(losses) - min(losses) > (LATE_TIMES if late else 1) * CONSTANT * min(losses)
        or _early_fall(curves) > MOST_FALL
    ):
        return None
    return _idle(
        curves,
        f"Held-out loss {losses[0]:.3f} in each of {len(losses)} evaluations: the weights hardly move.",
        {"loss": losses[0], "difference_percent": 100 * (max(losses) / (min(losses) or 1.0) - 1)},
    )


def _early_fall(curves: Curves) -> float:
    """How far the train loss fell from its first entries to its last tenth, as a share; 0 when nothing is known."""
    losses = curves.train.loss[np.isfinite(curves.train.loss)]
    few = max(1, len(losses) // 10)
    return 1 - float(np.median(losses[-few:]) / np.median(losses[: max(3, few)])) if len(losses) else 0.0


def _flat_evaluations(curves: Curves) -> Finding | None:
    points = finite(curves.val)
    if len(points) < 3 or points[0].step != 0 or not curves.total_steps:
        return None
    if points[-1].step < max(EVAL_AT_SHARE * curves.total_steps, curves.warmup_steps + 1):
        return None
    gain = _improved(points)
    late = points[-1].step >= 2 * EVAL_AT_SHARE * curves.total_steps
    if gain >= (LEAST_FALL if late and _train_fall(curves) < LEAST_FALL else EVAL_FALL):
        return None
    best = least_loss(points)
    return _idle(
        curves,
        f"Held-out loss {points[0].loss:.3f} before training, at best {best:.3f} since: nothing is learned.",
        {"before_loss": points[0].loss, "best_loss": best},
    )


def _train_fall(curves: Curves) -> float:
    """How far the train loss fell from the first tenth of the log to the last, as a share; 1 when nothing is known."""
    losses = curves.train.loss[np.isfinite(curves.train.loss)]
    few = len(losses) // 10
    if not few:
        return 1.0
    return 1 - float(np.median(losses[-few:]) / np.median(losses[:few]))


def _improved(points: list[EvalPoint]) -> float:
    return 1 - least_loss(points) / points[0].loss if points[0].loss > 0 else 1.0


def _entries_in_run(curves: Curves) -> float:
    """How many entries the whole run will have, at the present density of the log."""
    train = curves.train
    if not len(train) or not curves.total_steps:
        return 0.0
    return curves.total_steps * len(train) / float(train.step[-1])


def _idle(curves: Curves, sentence: str, evidence: dict[str, float]) -> Finding:
    rates = curves.train.lr[np.isfinite(curves.train.lr)]
    norms = curves.train.grad_norm[np.isfinite(curves.train.grad_norm)]
    more = {"peak_learning_rate": float(rates.max())} if len(rates) else {}
    more |= {"median_grad_norm": float(np.median(norms))} if len(norms) else {}
    return Finding(
        id="not-learning",
        name="not learning",
        severity=Severity.WARNING,
        since_step=0,
        sentence=sentence,
        actions=(
            Action("learning rate × 3", (HIGHER_RATE,)),
            Action("look at the data as the model sees it: format, masking, learned tokens"),
        ),
        evidence=evidence | more,
    )


def plateau(curves: Curves) -> Finding | None:
    """`plateau`: over the last 20 entries and 15 % of the steps train loss changes by less than 0.5 % and three
    evaluations improved by less than their noise, while the rate is still over a tenth of its peak.
    """
    train, points = curves.train, finite(curves.val)
    window = max(PLATEAU_LOGS, round(PLATEAU_SHARE * _entries_in_run(curves)))
    if len(train) < 2 * window or len(points) < PLATEAU_EVALS + 1 or _rate_is_low(curves):
        return None
    logs = log_losses(train.loss[-window:])
    level = part_means(logs, MOST_POINTS)
    change = theil_sen(level[np.isfinite(level)])[0] * len(level)
    noise = noise_of(points)
    gained = least_loss(points[:-PLATEAU_EVALS]) - least_loss(points[-PLATEAU_EVALS:])
    if abs(change) >= PLATEAU_FALL or gained >= max(PLATEAU_FALL * least_loss(points), noise):
        return None
    left = (curves.total_steps or 0) - curves.step
    gain = -change * left / max(1.0, float(train.step[-1] - train.step[-window]))
    return Finding(
        id="plateau",
        name="plateau",
        severity=Severity.INFO,
        since_step=int(train.step[-window]),
        sentence=f"Flat since step {train.step[-window]:.0f}: the train loss changed by {100 * change:+.1f} %, "
        f"{PLATEAU_EVALS} evaluations brought no gain; the rest would lower it by about "
        f"{100 * max(0.0, gain):.1f} %.",
        actions=(Action("stopping early is safe"),),
        evidence={
            "change_percent": 100 * change,
            "gained": gained,
            "noise": noise,
            "projected_percent": 100 * gain,
        },
        evals=tuple(points[-PLATEAU_EVALS - 1 :]),
    )


def _rate_is_low(curves: Curves) -> bool:
    rates = curves.train.lr[np.isfinite(curves.train.lr)]
    return bool(len(rates)) and float(rates[-1]) < LOW_RATE_SHARE * float(rates.max())


def epoch_step(curves: Curves) -> Finding | None:
    """`epoch-step`: at the border of an epoch the loss drops by over 3 % against its trend: rows are seen again, which
    is expected.
    """
    size = curves.steps_per_epoch
    train = curves.train
    if not size or not len(train) or train.step[-1] <= size:
        return None
    logs = log_losses(train.loss)
    for epoch in range(int((train.step[-1] - 1) // size), 0, -1):
        border = int(np.searchsorted(train.step, epoch * size, side="right"))
        found = _stair(logs, border)
        if found is not None and found[0] > STAIR and found[1] > STAIR_Z:
            return Finding(
                id="epoch-step",
                name="epoch step",
                severity=Severity.INFO,
                since_step=epoch * size,
                sentence=f"Train loss drops by {100 * found[0]:.0f} % where epoch {epoch + 1} begins: rows are "
                "seen again. This is expected.",
                actions=(),
                evidence={"drop_percent": 100 * found[0], "z": found[1], "epoch": epoch + 1},
            )
    return None


def _stair(logs: Column, border: int) -> tuple[float, float] | None:
    """(relative drop against the trend before, z) at an index; None with fewer than eight entries on a side."""
    before = logs[max(0, border - STAIR_LOGS) : border]
    after = logs[border : border + STAIR_LOGS]
    before, after = before[np.isfinite(before)], after[np.isfinite(after)]
    if min(len(before), len(after)) < STAIR_FEWEST:
        return None
    trend = min(0.0, theil_sen(before)[0])
    predicted = float(np.median(before)) + trend * (len(before) + len(after)) / 2
    drop = predicted - float(np.median(after))
    scatter = max(residual_spread(before), 0.005) * 1.2533
    z = drop / (scatter * math.sqrt(1 / len(before) + 1 / len(after)))
    return 1 - math.exp(-drop), z
