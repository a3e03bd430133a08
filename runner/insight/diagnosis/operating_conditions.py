"""Forgetting, a schedule that is not kept, memory running short, a run that makes no step."""

from __future__ import annotations

import math

import numpy as np

from runner.insight.curves import Curves, finite
from runner.insight.diagnosis.finding import HALF_RATE, Action, Change, Finding, FindingKind, Severity
from runner.insight.diagnosis.noise import theil_sen
from runner.insight.diagnosis.scatter import noise_of
from runner.insight.figures import gib

FORGOTTEN = ((0.15, Severity.CRITICAL), (0.05, Severity.WARNING), (0.02, Severity.INFO))
NOISES = 3.0
FEWEST_GENERAL = 4

RATE_OFF = 0.01

LEAST_FREE = 0.03
GROWTH = 0.005
GROWTH_STEPS = 100
GROWTH_FROM_STEP = 200
FEWEST_MEASURED = 8
MOST_MEASURED = 100

SILENT_SECONDS = 60.0
SILENT_INTERVALS = 5.0
IDLE_PERCENT = 5.0
RECENT_INTERVALS = 50
# On a GPU whose use cannot be told apart a working run may only look silent: it is given so much more time.
SHARED_PATIENCE = 5.0


def forgetting(curves: Curves) -> Finding | None:
    """`forgetting`: the loss on general text rises against the model before training: by over 2, 5 or 15 % and 3
    noises, at two evaluations running.
    """
    points = finite(curves.general)
    if len(points) < FEWEST_GENERAL or points[0].step != 0 or points[0].loss <= 0:
        return None
    # The lower of the last two: one evaluation may be off.
    first, now = points[0], min(points[-2:], key=lambda point: point.loss)
    share = now.loss / first.loss - 1
    noise = noise_of(points)
    severity = next((severity for least, severity in FORGOTTEN if share > least), None)
    if severity is None or now.loss - first.loss <= NOISES * noise:
        return None
    return Finding(
        id="forgetting",
        name="forgetting",
        severity=severity,
        since_step=next(p.step for p in points if p.loss > first.loss + noise),
        sentence=f"Loss on general text {first.loss:.3f} → {now.loss:.3f} ({100 * share:+.1f} %, noise "
        f"±{100 * noise / first.loss:.1f} %): the model forgets what it knew.",
        actions=(
            Action("next time: half the learning rate", (HALF_RATE,)),
            Action("mix general rows in (data.mix), one in five"),
        ),
        evidence={"before_loss": first.loss, "loss": now.loss, "rise_percent": 100 * share, "noise": noise},
        evals=tuple(points[-4:]),
        eval_set="general",
    )


def expected_rate(curves: Curves, step: int) -> float | None:
    """The rate of the schedule at a step, for the shapes whose formula is known; None otherwise.

    transformers' get_linear_schedule_with_warmup, get_cosine_schedule_with_warmup and the constant ones. The rate that
    is logged at step s is the one that step s was made with: the scheduler's value after s − 1 steps.
    """
    schedule, total, warmup = curves.schedule, curves.total_steps, curves.warmup_steps
    if schedule is None or not total:
        return None
    at = step - 1
    if schedule.kind == "constant":
        return schedule.peak
    if schedule.kind not in ("linear", "cosine", "constant_with_warmup"):
        return None
    if at < warmup:
        return schedule.peak * at / max(1, warmup)
    if schedule.kind == "constant_with_warmup":
        return schedule.peak
    left = max(0.0, (total - at) / max(1, total - warmup))
    return schedule.peak * (left if schedule.kind == "linear" else 0.5 * (1 + math.cos(math.pi * (1 - left))))


def schedule(curves: Curves) -> Finding | None:
    """`off-schedule`: the learning rate is none that the schedule has within a step (over 1 % of its peak apart)."""
    train = curves.train
    if len(train) and curves.schedule is not None and math.isfinite(train.lr[-1]):
        step = int(train.step[-1])
        wanted = expected_rate(curves, step)
        got = float(train.lr[-1])
        # transformers before 5 logs the rate of the next step; and a step is the least a short schedule can resolve.
        near = [expected_rate(curves, at) for at in (step - 1, step, step + 1)]
        low, high = (pick((rate for rate in near if rate is not None), default=got) for pick in (min, max))
        slack = RATE_OFF * curves.schedule.peak
        if wanted is not None and not low - slack <= got <= high + slack:
            return Finding(
                id="off-schedule",
                name="learning rate off its schedule",
                severity=Severity.WARNING,
                since_step=step,
                sentence=f"Learning rate {got:.2e} at step {step}, where the schedule says {wanted:.2e}.",
                actions=(Action("check lr_scheduler_type, warm-up and what a resume restored"),),
                evidence={"learning_rate": got, "expected": wanted},
            )
    return None


def memory(curves: Curves) -> Finding | None:
    """`memory-short`: under 3 % of the card is free, or what is reserved grows by over 0.5 % in 100 steps after
    step 200.
    """
    now = curves.memory[-1] if curves.memory and not curves.is_over else None
    if now is not None and now.free is not None and now.total and now.free < LEAST_FREE * now.total:
        return _short(
            now.step,
            f"{gib(now.free)} of {gib(now.total)} GiB of GPU memory are free: a longer row or another "
            "program can end the run.",
            {"free_mib": now.free, "total_mib": now.total},
        )
    points = [p for p in curves.memory if p.reserved and p.step > GROWTH_FROM_STEP]
    if len(points) < FEWEST_MEASURED or points[-1].step - points[0].step < 2 * GROWTH_STEPS:
        return None
    reserved = np.array([float(p.reserved or 0.0) for p in points[-MOST_MEASURED:]])
    # The points come every so many steps; only their mean distance is needed.
    every = (points[-1].step - points[-len(reserved)].step) / (len(reserved) - 1)
    growth, low, _ = theil_sen(reserved / reserved[0])
    if growth * GROWTH_STEPS / every <= GROWTH or low <= 0:
        return None
    percent = 100 * growth * GROWTH_STEPS / every
    return _short(
        points[0].step,
        f"Reserved GPU memory grows by {percent:.1f} % in 100 steps.",
        {"growth_percent": percent, "reserved_mib": float(reserved[-1])},
    )


def _short(step: int, sentence: str, evidence: dict[str, float]) -> Finding:
    return Finding(
        id="memory-short",
        name="memory is short",
        severity=Severity.WARNING,
        since_step=step,
        sentence=sentence,
        actions=(
            Action(
                "half the per-device batch, twice the accumulation: the same effective batch",
                (
                    Change("train.per_device_train_batch_size", FindingKind.TIMES, 0.5),
                    Change("train.gradient_accumulation_steps", FindingKind.TIMES, 2),
                ),
            ),
        ),
        evidence=evidence,
    )


def stall(curves: Curves) -> Finding | None:
    """`stalled`: the processes of the run are gone, or it was silent for five of its usual intervals (at least a
    minute) without using its GPU. Where others use that too and the driver does not tell whose use it is, silence alone
    counts: five times as much, or the same while the trainer's CPU is idle as well.
    """
    life = curves.liveness
    if life is None or curves.is_over:
        return None
    if not life.is_alive:
        return _silent(curves, "died", "Its processes are gone without a word.", life.silent_seconds)
    intervals = np.diff(curves.train.time[-RECENT_INTERVALS:])
    intervals = intervals[np.isfinite(intervals)]
    usual = float(np.median(intervals)) if len(intervals) else 0.0
    idle = life.utilisation_percent is None or life.utilisation_percent < IDLE_PERCENT
    patience = max(SILENT_SECONDS, SILENT_INTERVALS * usual)
    if not idle and life.is_shared:
        idle, patience = True, patience * SHARED_PATIENCE
    if not len(intervals) or not idle or life.silent_seconds <= patience:
        return None
    use = (
        "others use the GPU too, and whose use it is cannot be told" if life.is_shared else "the GPU is idle"
    )
    sentence = f"No step for {life.silent_seconds:.0f} s, where one took {usual:.1f} s; {use}."
    return _silent(curves, "stalled", f"{sentence} {life.where}".rstrip(), life.silent_seconds)


def _silent(curves: Curves, name: str, sentence: str, seconds: float) -> Finding:
    keep = max(curves.checkpoints, default=None)
    return Finding(
        id="stalled",
        name=name,
        severity=Severity.ERROR,
        since_step=curves.step,
        sentence=sentence,
        actions=(
            Action(f"go on from checkpoint-{keep}" if keep is not None else "start again: nothing was saved"),
            Action("look at the end of the log"),
        ),
        evidence={"silent_seconds": seconds},
        keep_step=keep,
    )
