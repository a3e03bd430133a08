"""Zeros, resumes, schedules, constant evaluations, rising train losses: each said as what it is."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from runner.insight.curves import Curves, EvalPoint, Schedule
from runner.insight.diagnosis import Severity, ThrottledDiagnosis, Verdict, VerdictKind, diagnose
from runner.insight.train_curve import TrainCurve
from tests.insight.curve_maker import evals, falling, make, train_curve


def zeros(losses: list[float], norms: list[float] | None = None) -> Curves:
    curve = TrainCurve.of(
        loss=losses,
        epoch=[i / 10 for i in range(1, len(losses) + 1)],
        grad_norm=norms or [math.nan] * len(losses),
    )
    return Curves(train=curve, nan_hidden=True, is_over=True)


def ids(curves: Curves) -> list[str]:
    return [finding.id for finding in diagnose(curves).findings]


def test_a_zero_with_a_gradient_is_converged() -> None:
    curves = zeros([0.48, 0.18, *[0.0] * 20], [3.4, 0.1, *[1e-4] * 20])
    assert diagnose(curves).kind is VerdictKind.CONVERGED
    assert "non-finite" not in ids(curves)


def test_a_zero_where_norms_are_logged_and_this_one_is_none_hides_a_nan() -> None:
    curves = zeros([2.0, 1.8, *[0.0] * 5], [1.0, 1.0, *[math.nan] * 5])
    assert diagnose(curves).kind is VerdictKind.NON_FINITE
    assert diagnose(curves).since_step == 3


def test_zeros_that_came_at_once_hide_a_nan_where_no_norm_is_logged() -> None:
    assert diagnose(zeros([2.0, 1.8, *[0.0] * 5])).kind is VerdictKind.NON_FINITE
    assert "non-finite" not in ids(zeros([0.08, 0.05, 0.0001, *[0.0] * 9]))


def test_zero_and_no_gradient_from_the_first_step_on_is_nothing_trained() -> None:
    assert diagnose(zeros([0.0] * 8, [0.0] * 8)).kind is VerdictKind.NOTHING_TRAINED
    assert "nothing-trained" not in ids(zeros([1.0, 0.4, *[0.0] * 8], [1.0, 1.0, *[0.0] * 8]))


def test_evaluations_that_are_no_number_are_a_finding_of_their_own() -> None:
    points = tuple(EvalPoint(step, math.nan) for step in (10, 20))
    verdict = diagnose(Curves(train=train_curve(falling(30)), evals={"val": points}, is_over=True))
    assert (verdict.kind, verdict.severity) == (VerdictKind.EVALUATION_NAN, Severity.WARNING)
    assert "in 2 of 2 evaluations, first at step 10" in verdict.sentence


def test_a_run_learned_by_heart_without_any_evaluation_is_said() -> None:
    losses = [2.5 * math.exp(-0.2 * i) + 0.004 for i in range(60)]
    curves = Curves(train=TrainCurve.of(loss=losses, epoch=[i / 6 for i in range(60)]), is_over=True)
    verdict = diagnose(curves)
    assert (verdict.kind, verdict.severity) == (VerdictKind.BY_HEART, Severity.INFO)
    assert "after 9.8 epochs" in verdict.sentence


def resumed(before: list[float], after: list[float]) -> Curves:
    return Curves(train=train_curve([*before, *after]), resumed_at=(len(before),), total_steps=1000)


def test_a_loss_that_falls_on_smoothly_is_no_break() -> None:
    fall = [12 - 0.04 * i for i in range(60)]
    assert "resume-break" not in ids(resumed(fall[:43], fall[43:]))
    # Without any scatter every step would be one.
    assert "resume-break" not in ids(resumed([2.0] * 40, [2.02] * 10))
    assert "resume-break" not in ids(resumed(fall[:43], [5.0] * 10))


def test_a_loss_that_jumps_up_at_a_resume_is_a_break() -> None:
    rng = np.random.default_rng(0)
    fall = np.linspace(2.5, 1.5, 60) * np.exp(rng.normal(0, 0.05, 60))
    verdict = diagnose(resumed(list(fall), [2.4, 2.5, 2.45, 2.5, 2.4, 2.5]))
    assert (verdict.kind, verdict.severity) == (VerdictKind.RESUME_BROKEN, Severity.ERROR)
    assert verdict.since_step == 60


def at_rate(rate: float, step: int, total: int, peak: float = 1e-4) -> Curves:
    curve = TrainCurve.of(step=[step], loss=[1.0], lr=[rate])
    return Curves(train=curve, total_steps=total, schedule=Schedule("linear", peak))


def test_the_rate_of_the_next_step_is_on_schedule_too() -> None:
    # transformers before 5 logs the rate after the step; of 20 steps one is 5 % of the peak.
    for rate in (1e-4 * (1 - 9 / 20), 1e-4 * (1 - 10 / 20)):
        assert "off-schedule" not in ids(at_rate(rate, 10, 20))
    assert "off-schedule" in ids(at_rate(1e-4 * 0.8, 10, 20))
    assert "off-schedule" in ids(at_rate(1e-4 * (1 - 600 / 1000), 500, 1000))


def test_evaluations_that_never_change_are_not_learning() -> None:
    points = evals([1.39, 1.386, 1.3861, 1.3859, 1.386, 1.386, 1.3862])[1:]
    flat = Curves(train=train_curve([1.39] * 50), evals={"val": points}, total_steps=60)
    assert diagnose(flat).kind is VerdictKind.NOT_LEARNING
    # What fell before the first evaluation has learned.
    fell = Curves(train=train_curve([3.0, 2.5, 2.0, *[1.39] * 47]), evals={"val": points}, total_steps=60)
    assert diagnose(fell).kind is not VerdictKind.NOT_LEARNING


def test_of_a_log_that_begins_in_mid_run_nothing_is_said_of_its_fall() -> None:
    losses = [1.0 + 0.001 * (i % 3) for i in range(80)]
    whole = Curves(train=TrainCurve.of(step=np.arange(10, 810, 10.0), loss=losses), total_steps=900)
    assert "not-learning" in ids(whole)
    assert "not-learning" not in ids(replace(whole, begins_at_step=10))


def test_a_train_loss_that_climbs_steadily_is_said() -> None:
    climbing = [1.453, 1.406, 1.4152, 1.426, 1.4592, 1.4357, 1.4684, 1.5027, 1.5133, 1.5651, 1.562, 1.6139]
    verdict = diagnose(Curves(train=train_curve(climbing)))
    assert (verdict.kind, verdict.severity) == (VerdictKind.TRAIN_RISING, Severity.WARNING)
    scattered = [1.4 + 0.1 * (-1) ** i + 0.002 * i for i in range(12)]
    assert "train-rising" not in ids(Curves(train=train_curve(scattered)))


def test_a_verdict_lasts_before_a_calmer_one_replaces_it() -> None:
    judge = ThrottledDiagnosis()

    def say(kind: VerdictKind, severity: Severity, step: int, evaluations: int) -> VerdictKind:
        points = evals([1.0] * evaluations, every=1)
        judge.take(
            Verdict(kind, severity, ""), Curves(train=train_curve([1.0] * step), evals={"val": points})
        )
        return judge.verdict.kind

    healthy, overfitting = VerdictKind.HEALTHY, VerdictKind.OVERFITTING
    assert say(healthy, Severity.INFO, 100, 5) is healthy
    assert say(overfitting, Severity.WARNING, 101, 6) is overfitting
    assert say(healthy, Severity.INFO, 102, 6) is overfitting
    assert say(healthy, Severity.INFO, 105, 7) is overfitting
    assert say(healthy, Severity.INFO, 106, 8) is healthy


def test_what_ends_or_begins_again_is_judged_at_once() -> None:
    judge = ThrottledDiagnosis()
    curves = make(falling(6), over=False)
    judge.take(Verdict(VerdictKind.OVERFITTING, Severity.WARNING, ""), curves)
    judge.take(Verdict(VerdictKind.HEALTHY, Severity.INFO, ""), make(falling(6), over=True))
    assert judge.verdict.kind is VerdictKind.HEALTHY
    judge.take(Verdict(VerdictKind.OVERFITTING, Severity.WARNING, ""), curves)
    judge.take(Verdict(VerdictKind.HEALTHY, Severity.INFO, ""), Curves(train=train_curve([1.0])))
    assert judge.verdict.kind is VerdictKind.HEALTHY


@pytest.mark.parametrize("kind", [VerdictKind.STALLED, VerdictKind.NON_FINITE, VerdictKind.TOO_EARLY])
def test_what_holds_only_while_it_is_seen_does_not_linger(kind: VerdictKind) -> None:
    judge = ThrottledDiagnosis()
    curves = make(falling(6), over=False)
    judge.take(Verdict(kind, Severity.ERROR, ""), curves)
    judge.take(Verdict(VerdictKind.HEALTHY, Severity.INFO, ""), curves)
    assert judge.verdict.kind is VerdictKind.HEALTHY


def test_the_scalers_first_skips_are_no_finding() -> None:
    def skipping(steps: range, n: int) -> Curves:
        norms = [math.inf if i in steps else 1.0 for i in range(n)]
        return Curves(train=train_curve(falling(n), norms))

    assert "steps-skipped" not in ids(skipping(range(8), 9))
    assert "steps-skipped" in ids(skipping(range(40, 46), 46))


def test_evaluations_that_are_no_number_beside_a_zero_are_spoilt_weights() -> None:
    curves = replace(
        zeros([2.0, 0.9, 1.2, 1.4, 0.0]), evals={"val": tuple(EvalPoint(step, math.nan) for step in (4, 5))}
    )
    assert diagnose(curves).kind is VerdictKind.NON_FINITE
    assert diagnose(replace(curves, nan_hidden=False)).kind is not VerdictKind.NON_FINITE
