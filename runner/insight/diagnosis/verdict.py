"""All detectors in order of gravity, and the one line that is derived from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from runner.insight.curves import Curves, best_of, finite
from runner.insight.diagnosis import (
    answers,
    converged,
    health,
    learning,
    memorisation,
    operating_conditions,
    overfitting,
    rate,
    rewards,
    spikes,
    stability,
    train_rising,
)
from runner.insight.diagnosis.finding import Action, Change, Finding, FindingKind, Severity
from runner.insight.diagnosis.held_out import every_set, with_main_set
from runner.insight.diagnosis.words import fall
from runner.insight.task import Task, task_of

FEWEST_EVALUATIONS = 3
FEWEST_ENTRIES = 10
# Below this one unusual row moves the mean by more than the changes that are judged.
FEW_ROWS = 16


class VerdictKind(StrEnum):
    """What a run is said to be."""

    NON_FINITE = "non-finite"
    NOTHING_TRAINED = "nothing trained"
    STALLED = "died or stalled"
    RESUME_BROKEN = "resume broke the run"
    DIVERGED = "diverged"
    OVERFITTING = "overfitting"
    WORSENING = "worsening"
    FORGETTING = "forgetting"
    NOT_LEARNING = "not learning"
    OSCILLATING = "learning rate too high"
    TRAIN_RISING = "train loss rising"
    EVALUATION_NAN = "held-out loss is NaN"
    RISING = "held-out loss up"
    BY_HEART = "learned by heart"
    CONVERGED = "nothing left to learn"
    KL_RUNAWAY = "KL runs away"
    ENTROPY_COLLAPSE = "entropy collapsed"
    REWARD_FLAT = "reward flat"
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
    def is_remark(self) -> bool:
        """Whether it says more than that all is well, and yet is no alarm."""
        return self.severity is Severity.INFO and is_remark(self.kind)

    @property
    def headline(self) -> str:
        since = f" since step {self.since_step}" if self.since_step is not None else ""
        return (
            f"{self.kind.value.upper()}{since}"
            if self.severity >= Severity.WARNING
            else self.kind.value + since
        )


Detector = Callable[[Curves], Finding | None]

# In the order of gravity: the first that finds something gives the verdict, those without a kind never do.
# What evidence is shown of a finding beside the held-out loss: tui/charts/evidence.py; its numbers in words: labels.py.
DETECTORS: tuple[tuple[VerdictKind | None, Detector], ...] = (
    (VerdictKind.NON_FINITE, health.non_finite),
    (VerdictKind.NOTHING_TRAINED, health.nothing_trained),
    (VerdictKind.STALLED, operating_conditions.stall),
    (VerdictKind.RESUME_BROKEN, stability.resume_break),
    (VerdictKind.DIVERGED, stability.divergence),
    (VerdictKind.OVERFITTING, every_set(overfitting.overfitting)),
    (VerdictKind.WORSENING, every_set(overfitting.worsening)),
    (VerdictKind.FORGETTING, operating_conditions.forgetting),
    (VerdictKind.NOT_LEARNING, learning.not_learning),
    (VerdictKind.OSCILLATING, rate.oscillation),
    (VerdictKind.TRAIN_RISING, train_rising.train_rising),
    (VerdictKind.EVALUATION_NAN, health.evaluation_nan),
    (VerdictKind.RISING, every_set(overfitting.watch)),
    (VerdictKind.ANSWERS_WRONG, answers.answers_wrong),
    (VerdictKind.CONVERGED, converged.converged),
    (VerdictKind.BY_HEART, converged.learned_by_heart),
    (VerdictKind.PLATEAU, learning.plateau),
    (None, memorisation.memorisation),
    (None, operating_conditions.memory),
    (None, health.skipped_steps),
    (None, operating_conditions.schedule),
    (None, spikes.spike),
    (None, learning.epoch_step),
)
# Runs that are not judged by their loss.
FOR_EVERY_TASK = (
    health.non_finite,
    health.nothing_trained,
    operating_conditions.stall,
    operating_conditions.memory,
    health.skipped_steps,
    operating_conditions.schedule,
)
REWARD_DETECTORS: tuple[tuple[VerdictKind | None, Detector], ...] = (
    *((kind, detect) for kind, detect in DETECTORS if detect in FOR_EVERY_TASK),
    (VerdictKind.KL_RUNAWAY, rewards.kl_runaway),
    (VerdictKind.ENTROPY_COLLAPSE, rewards.entropy_collapse),
    (VerdictKind.REWARD_FLAT, rewards.reward_flat),
    (None, rewards.length_limit),
    (VerdictKind.CONVERGED, rewards.saturated),
    (None, rewards.chosen_falling),
)
# Remarks that say more of a run than "healthy" would.
SAID = {
    VerdictKind.RISING,
    VerdictKind.BY_HEART,
    VerdictKind.CONVERGED,
    VerdictKind.PLATEAU,
    VerdictKind.REWARD_FLAT,
}


def is_remark(kind: str) -> bool:
    """Whether a verdict of this kind says something of a run even where it is no alarm."""
    return kind in SAID


# What a graver finding explains is not said a second time.
COVERS = {
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
        "train-rising",
        "evaluation-nan",
        "held-out-rising",
    },
    "nothing-trained": {
        "answers-wrong",
        "not-learning",
        "plateau",
        "converged",
        "memorisation",
        "reward-flat",
    },
    "divergence": {
        "answers-wrong",
        "rate-too-high",
        "not-learning",
        "worsening",
        "train-rising",
        "held-out-rising",
    },
    "overfitting": {"held-out-rising", "plateau", "converged", "memorisation"},
    "worsening": {"held-out-rising", "plateau", "train-rising"},
    "rate-too-high": {"not-learning", "plateau", "train-rising"},
    "not-learning": {"plateau", "answers-wrong", "train-rising"},
    "held-out-rising": {"plateau"},
    "memorisation": {"plateau"},
    "converged": {"plateau"},
}


def diagnose(curves: Curves) -> Verdict:
    """Judge a run by its curves: the gravest finding decides, all of them are kept."""
    curves = with_main_set(curves)
    supervised = task_of(curves) is Task.SUPERVISED
    # Losses may be anything a trainer can write, 1e308 among it.
    with np.errstate(all="ignore"):
        detectors = DETECTORS if supervised else REWARD_DETECTORS
        found = [(kind, finding) for kind, detect in detectors if (finding := detect(curves)) is not None]
    covered = {other for _, finding in found for other in COVERS.get(finding.id, ())}
    found = [(kind, finding) for kind, finding in found if finding.id not in covered]
    findings = tuple(finding for _, finding in found)
    for kind, finding in found:
        if kind is None or (finding.severity is Severity.INFO and kind not in SAID):
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
    return _nothing_wrong(curves, findings) if supervised else _rewarded(curves, findings)


def _rewarded(curves: Curves, findings: tuple[Finding, ...]) -> Verdict:
    """A run of another kind, with nothing against it."""
    few = len(curves.train) < FEWEST_ENTRIES
    more = " Too few entries to judge." if few else ""
    return Verdict(
        VerdictKind.TOO_EARLY if few else VerdictKind.HEALTHY,
        Severity.INFO,
        f"A run of {task_of(curves)} learning: {rewards.in_words(curves)}; its loss says nothing of how well it does."
        f"{more}",
        findings=findings,
    )


def _nothing_wrong(curves: Curves, findings: tuple[Finding, ...]) -> Verdict:
    points = finite(curves.val)
    best = best_of(points)
    if best is None:
        return replace(_without_evaluation(curves), findings=findings)
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
    change = f"{points[0].loss:.3f} → {best.loss:.3f}{fall(points[0].loss, best.loss)}"
    return Verdict(
        VerdictKind.HEALTHY,
        Severity.INFO,
        f"Held-out loss {change}, best at step {best.step}.{answers.said(curves)}{_caution(points[-1].n)}",
        (Action(f"keep checkpoint-{keep}"),) if keep is not None and curves.is_over else (),
        keep,
        None,
        findings,
    )


def _evaluate_more(curves: Curves) -> tuple[Action, ...]:
    every = max(1, curves.step // 10)
    return (
        Action(
            f"next time: evaluate every {every} steps", (Change("eval.eval_steps", FindingKind.SET, every),)
        ),
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
            (
                Action(
                    "next time: hold rows out", (Change("data.eval_fraction", FindingKind.AT_LEAST, 0.05),)
                ),
            ),
        )
    return Verdict(
        VerdictKind.TOO_EARLY,
        Severity.INFO,
        f"No evaluation so far. A judgement needs {FEWEST_EVALUATIONS}.",
    )
