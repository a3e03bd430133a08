"""All detectors in order of gravity, and the one line that is derived from them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from runner.insight.curves import Curves
from runner.insight.diagnosis import (
    answers,
    health,
    learning,
    operation,
    overfitting,
    rate,
    spikes,
    stability,
)
from runner.insight.diagnosis.finding import Action, Change, Finding, Kind, Severity

FEWEST_EVALUATIONS = 4
# Below this one unusual row moves the mean by more than the changes that are judged.
FEW_ROWS = 16


class VerdictKind(StrEnum):
    """What a run is said to be."""

    NON_FINITE = "non-finite"
    NOTHING_TRAINED = "nothing trained"
    STALLED = "died or stalled"
    DIVERGED = "diverged"
    OVERFITTING = "overfitting"
    WORSENING = "worsening"
    FORGETTING = "forgetting"
    NOT_LEARNING = "not learning"
    OSCILLATING = "learning rate too high"
    PLATEAU = "plateau"
    ANSWERS_WRONG = "hardly an answer right"
    HEALTHY = "healthy"
    TOO_EARLY = "too early to tell"
    NO_EVALUATION = "no evaluation"


@dataclass(frozen=True)
class Verdict:
    """One plain judgement: what it is, the sentence with its evidence, what to do, and the checkpoint to keep."""

    kind: VerdictKind
    severity: Severity
    sentence: str
    actions: tuple[Action, ...] = ()
    keep_step: int | None = None
    since_step: int | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def headline(self) -> str:
        since = f" since step {self.since_step}" if self.since_step is not None else ""
        return (
            f"{self.kind.value.upper()}{since}"
            if self.severity >= Severity.WARNING
            else self.kind.value + since
        )


# In the order of gravity: the first that finds something gives the verdict, those without a kind never do.
DETECTORS: tuple[tuple[VerdictKind | None, Callable[[Curves], Finding | None]], ...] = (
    (VerdictKind.NON_FINITE, health.non_finite),
    (VerdictKind.NOTHING_TRAINED, health.nothing_trained),
    (VerdictKind.STALLED, operation.stall),
    (VerdictKind.DIVERGED, stability.resume_break),
    (VerdictKind.DIVERGED, stability.divergence),
    (VerdictKind.OVERFITTING, overfitting.overfitting),
    (VerdictKind.WORSENING, overfitting.worsening),
    (VerdictKind.FORGETTING, operation.forgetting),
    (VerdictKind.NOT_LEARNING, learning.not_learning),
    (VerdictKind.OSCILLATING, rate.oscillation),
    (VerdictKind.ANSWERS_WRONG, answers.answers_wrong),
    (VerdictKind.PLATEAU, learning.plateau),
    (None, overfitting.memorisation),
    (None, operation.memory),
    (None, health.skipped_steps),
    (None, operation.schedule),
    (None, overfitting.watch),
    (None, spikes.spike),
    (None, learning.epoch_step),
)
# What a graver finding explains is not said a second time.
EXPLAINED = {
    "non-finite": {
        "steps-skipped",
        "nothing-trained",
        "answers-wrong",
        "divergence",
        "rate-too-high",
        "not-learning",
        "plateau",
        "worsening",
        "memorisation",
    },
    "nothing-trained": {"not-learning", "plateau", "answers-wrong"},
    "divergence": {"answers-wrong", "rate-too-high", "not-learning", "worsening"},
    "overfitting": {"held-out-rising", "plateau"},
    "worsening": {"held-out-rising", "plateau"},
    "rate-too-high": {"not-learning", "plateau"},
    "not-learning": {"plateau", "answers-wrong"},
    "held-out-rising": {"plateau"},
}


def diagnose(curves: Curves) -> Verdict:
    """Judge a run by its curves: the gravest finding decides, all of them are kept."""
    # Losses may be anything a trainer can write, 1e308 among it.
    with np.errstate(all="ignore"):
        found = [(kind, finding) for kind, detect in DETECTORS if (finding := detect(curves)) is not None]
    covered = {other for _, finding in found for other in EXPLAINED.get(finding.id, ())}
    found = [(kind, finding) for kind, finding in found if finding.id not in covered]
    findings = tuple(finding for _, finding in found)
    for kind, finding in found:
        if kind is None or (finding.severity is Severity.INFO and kind is not VerdictKind.PLATEAU):
            continue
        return Verdict(
            kind,
            finding.severity,
            finding.sentence,
            finding.actions,
            finding.keep_step,
            finding.since_step,
            findings,
        )
    return _nothing_wrong(curves, findings)


def _nothing_wrong(curves: Curves, findings: tuple[Finding, ...]) -> Verdict:
    points = [point for point in curves.val if math.isfinite(point.loss)]
    if not points:
        return replace(_without_evaluation(curves), findings=findings)
    best = min(points, key=lambda point: point.loss)
    keep = best.step if best.step > 0 else None
    missing = FEWEST_EVALUATIONS - len(points)
    if missing > 0:
        more = f"{missing} more evaluation{'s' if missing > 1 else ''}"
        actions = _evaluate_more(curves) if curves.is_over else ()
        return Verdict(
            VerdictKind.TOO_EARLY,
            Severity.INFO,
            f"Evaluations so far: {len(points)}. A judgement needs {more}.",
            actions,
            keep,
            None,
            findings,
        )
    watching = next((f" {finding.sentence}" for finding in findings if finding.id == "held-out-rising"), "")
    change = (
        f"{points[0].loss:.3f} → {best.loss:.3f} ({100 * (best.loss / (points[0].loss or 1.0) - 1):+.0f} %)"
    )
    return Verdict(
        VerdictKind.HEALTHY,
        Severity.INFO,
        f"Held-out loss {change}, best at step {best.step}.{answers.said(curves)}{watching}{_caution(points[-1].n)}",
        (Action(f"keep checkpoint-{keep}"),) if keep is not None and curves.is_over else (),
        keep,
        None,
        findings,
    )


def _evaluate_more(curves: Curves) -> tuple[Action, ...]:
    every = max(1, curves.step // 10)
    return (
        Action(f"next time: evaluate every {every} steps", (Change("eval.eval_steps", Kind.SET, every),)),
    )


def _caution(rows: int) -> str:
    """A word of doubt when few rows were held out; none when their number is not known."""
    if not 0 < rows < FEW_ROWS:
        return ""
    return f" Only {rows} row{'s' if rows > 1 else ''} held out: take it with care."


def _without_evaluation(curves: Curves) -> Verdict:
    if curves.is_over and len(curves.train):
        return Verdict(
            VerdictKind.NO_EVALUATION,
            Severity.INFO,
            "Nothing was evaluated, so overfitting cannot be told from learning.",
            (Action("next time: hold rows out", (Change("data.eval_fraction", Kind.AT_LEAST, 0.05),)),),
        )
    return Verdict(
        VerdictKind.TOO_EARLY,
        Severity.INFO,
        f"No evaluation so far. A judgement needs {FEWEST_EVALUATIONS}.",
    )
