"""The detectors on curves with a known answer: what they say, and that they keep quiet."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.insight.curves import Curves, EvalPoint
from runner.insight.diagnosis import Severity, VerdictKind, diagnose
from runner.insight.diagnosis.scatter import noise_of, scatter
from tests.insight.curve_maker import evals, falling, make, noisy, overfit, train_curve

SEEDS = pytest.mark.parametrize("seeds", [80, pytest.param(200, marks=pytest.mark.large)])


def test_a_healthy_run_is_healthy_and_names_the_checkpoint_to_keep() -> None:
    verdict = diagnose(make(falling(12), falling(12)))
    assert verdict.kind is VerdictKind.HEALTHY
    assert verdict.keep_step == 110
    assert "-52 %" in verdict.sentence


def test_few_held_out_rows_are_said() -> None:
    def judged(rows: int) -> str:
        points = tuple(EvalPoint(10 * i, loss, rows) for i, loss in enumerate(falling(6)))
        return diagnose(
            Curves(train=train_curve([1.0] * 60), evals={"val": points}, trainable_parameters=1)
        ).sentence

    assert "Only 1 row held out" in judged(1)
    assert "Only 15 rows held out" in judged(15)
    assert "care" not in judged(16)


def test_overfitting_names_its_evidence_and_the_checkpoint_to_keep() -> None:
    verdict = diagnose(make(overfit(12, best=4, rise=0.2), falling(12, end=0.5)))
    assert verdict.kind is VerdictKind.OVERFITTING
    assert (verdict.since_step, verdict.keep_step) == (40, 40)
    assert verdict.actions[0].text == "keep checkpoint-40"
    assert verdict.severity is Severity.CRITICAL
    assert "1.200 → 1.440 (+20.0 %" in verdict.sentence
    assert "over 7 evaluations" in verdict.sentence
    evidence = verdict.findings[0].evidence
    assert evidence["best_loss"] == pytest.approx(1.2)
    assert evidence["rise_percent"] == pytest.approx(20)
    assert evidence["training_fall_percent"] > 5


def test_a_small_steady_rise_is_a_warning_not_critical() -> None:
    verdict = diagnose(make(overfit(14, best=4, rise=0.04), falling(14, end=0.5)))
    assert (verdict.kind, verdict.severity) == (VerdictKind.OVERFITTING, Severity.WARNING)


def test_a_rise_without_memorising_is_not_overfitting() -> None:
    rising = overfit(12, best=4, rise=0.2)
    assert diagnose(make(rising, rising)).kind is not VerdictKind.OVERFITTING


def test_a_rise_in_the_first_epoch_without_a_probe_is_not_called_overfitting() -> None:
    curves = make(overfit(12, best=4, rise=0.2), None, train=falling(120, end=0.5, rate=0.05))
    first_epoch = Curves(**{**vars(curves), "steps_per_epoch": 1000})
    assert diagnose(first_epoch).kind is not VerdictKind.OVERFITTING
    assert diagnose(curves).kind is VerdictKind.OVERFITTING


def test_a_run_that_never_beats_its_base_model_keeps_the_base_model() -> None:
    verdict = diagnose(make([1.0, 1.1, 1.2, 1.3, 1.4, 1.5], falling(6, start=1.0, end=0.2)))
    assert verdict.kind is VerdictKind.OVERFITTING
    assert verdict.keep_step is None
    assert "base model" in verdict.actions[0].text


def rate(kind: VerdictKind, values: list[float], probe: list[float], sigma: float, seeds: int) -> float:
    """Share of so many noisy copies that get this verdict at any of their evaluations, as live."""
    hits = 0
    for seed in range(seeds):
        val, train = noisy(values, sigma, seed), noisy(probe, sigma, seed + 10_000)
        hits += any(diagnose(make(val[:k], train[:k])).kind is kind for k in range(2, len(val) + 1))
    return hits / seeds


@SEEDS
@pytest.mark.parametrize("sigma", [0.002, 0.005, 0.01])
def test_healthy_runs_are_not_called_overfitting(sigma: float, seeds: int) -> None:
    assert rate(VerdictKind.OVERFITTING, falling(12), falling(12), sigma, seeds) <= 0.02
    memorising = [value * (0.9 if i > 4 else 1.0) for i, value in enumerate(falling(12))]
    assert rate(VerdictKind.OVERFITTING, falling(12), memorising, sigma, seeds) <= 0.02


@SEEDS
@pytest.mark.parametrize("sigma", [0.002, 0.005, 0.01])
def test_overfitting_runs_are_found(sigma: float, seeds: int) -> None:
    learned = falling(12, end=0.6, rate=0.4)
    assert rate(VerdictKind.OVERFITTING, overfit(12, 4, rise=0.15), learned, sigma, seeds) >= 0.95


@pytest.mark.parametrize(("count", "missing"), [(1, 2), (2, 1)])
def test_few_evaluations_are_too_early_to_tell(count: int, missing: int) -> None:
    verdict = diagnose(make(falling(count), falling(count), over=False))
    assert verdict.kind is VerdictKind.TOO_EARLY
    assert f"{missing} more" in verdict.sentence


def test_a_nan_is_an_error_that_names_the_step_and_the_last_good_checkpoint() -> None:
    losses = [*falling(30), math.nan, math.nan]
    curves = Curves(train=train_curve(losses), checkpoints=(10, 20), trainable_parameters=1)
    verdict = diagnose(curves)
    assert (verdict.kind, verdict.severity) == (VerdictKind.NON_FINITE, Severity.ERROR)
    assert (verdict.since_step, verdict.keep_step) == (31, 20)
    assert verdict.findings[0].evidence["non_finite_steps"] == 2


def test_a_nan_evaluation_is_found_as_well() -> None:
    curves = Curves(
        train=train_curve([1.0] * 20), evals={"val": evals([2.0, math.inf])}, trainable_parameters=1
    )
    verdict = diagnose(curves)
    assert (verdict.kind, verdict.severity) == (VerdictKind.EVALUATION_NAN, Severity.WARNING)
    assert [finding.id for finding in verdict.findings] == ["evaluation-nan"]
    assert "in 1 of 2 evaluations, first at step 10" in verdict.sentence


def test_an_isolated_bad_gradient_is_no_alarm() -> None:
    grads = [1.0] * 20
    grads[3] = math.inf
    curves = Curves(
        train=train_curve([1.0] * 20, grads), evals={"val": evals(falling(5))}, trainable_parameters=1
    )
    assert diagnose(curves).kind is VerdictKind.HEALTHY


def test_zero_loss_and_gradient_is_nothing_trained() -> None:
    curves = Curves(train=train_curve([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]), trainable_parameters=5)
    assert diagnose(curves).kind is VerdictKind.NOTHING_TRAINED
    assert diagnose(Curves(trainable_parameters=0)).kind is VerdictKind.NOTHING_TRAINED
    memorised = Curves(train=train_curve([0.0, 0.0], [0.1, 0.1]), trainable_parameters=5)
    assert diagnose(memorised).kind is not VerdictKind.NOTHING_TRAINED


def test_a_beginning_rise_is_watched_but_not_shouted() -> None:
    verdict = diagnose(make([2.0, 1.5, 1.2, 1.0, 1.005, 1.012], falling(6, end=0.9)))
    assert verdict.kind is VerdictKind.HEALTHY
    up = diagnose(make([2.0, 1.5, 1.2, 1.0, 1.005, 1.06], falling(6, end=0.9)))
    assert (up.kind, up.severity) == (VerdictKind.RISING, Severity.INFO)
    assert up.findings[0].id == "held-out-rising"
    assert up.keep_step == 30


@pytest.mark.parametrize("rise", [1.06, 1.5, 5.0, 80.0])
@pytest.mark.parametrize("train", [[], [1.0], [0.0] * 30])
def test_a_held_out_loss_that_ends_far_up_is_never_healthy(rise: float, train: list[float]) -> None:
    for count in (3, 5, 9):
        losses = [*falling(count - 2), falling(count)[-1] * rise, falling(count)[-1] * rise * 1.05]
        curves = Curves(train=train_curve(train), evals={"val": evals(losses)}, is_over=True, nan_hidden=True)
        assert diagnose(curves).kind is not VerdictKind.HEALTHY


def test_a_finished_run_without_evaluation_says_so() -> None:
    curves = Curves(train=train_curve([1.0] * 5), trainable_parameters=1, is_over=True)
    assert diagnose(curves).kind is VerdictKind.NO_EVALUATION
    assert diagnose(Curves()).kind is VerdictKind.TOO_EARLY


def measured(losses: list[float]) -> float:
    return noise_of(evals(losses))


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=20))
def test_noise_is_positive(losses: list[float]) -> None:
    assert 0.001 * min(losses) < measured(losses) < 0.4 * max(losses)


def test_a_fall_that_ends_or_turns_is_no_noise() -> None:
    usual = measured([1.0])
    assert measured(falling(12)) < usual * 1.2
    assert measured(overfit(12, best=4, rise=0.5)) < 0.02
    assert measured(noisy(falling(12), 0.05, 1)) > 0.02


def test_noise_is_measured_about_right() -> None:
    estimates = [measured(noisy([1.0] * 40, 0.02, seed)) for seed in range(50)]
    assert 0.012 < sorted(estimates)[25] < 0.024


def test_few_rows_are_taken_to_scatter_more() -> None:
    same = np.zeros(3)
    assert scatter(same, rows=8).mean > 2 * scatter(same, rows=128).mean
    assert scatter(same, rows=128).mean == scatter(same).mean


finite_or_not = st.floats(allow_nan=True, allow_infinity=True)


@given(
    st.lists(finite_or_not, max_size=15),
    st.lists(finite_or_not, max_size=15),
    st.lists(finite_or_not, max_size=15),
)
def test_any_curves_get_exactly_one_verdict(val: list[float], probe: list[float], train: list[float]) -> None:
    curves = Curves(
        train=train_curve(train),
        evals={"val": evals(val), "train_probe": evals(probe)},
        steps_per_epoch=10,
        trainable_parameters=3,
    )
    verdict = diagnose(curves)
    assert isinstance(verdict.kind, VerdictKind)
    assert verdict.sentence
    ids = {finding.id for finding in verdict.findings}
    if not all(map(math.isfinite, train)):
        assert verdict.kind is VerdictKind.NON_FINITE
    elif not all(map(math.isfinite, (*val, *probe))):
        assert ids & {"non-finite", "evaluation-nan"}
