"""A rise of the held-out loss is told from scatter: from few evaluations, over outliers, by rows."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.insight.curves import Curves, EvalPoint, Metric
from runner.insight.diagnosis import Severity, VerdictKind, diagnose
from runner.insight.diagnosis.held_out_trend import Rise, rise
from runner.insight.diagnosis.shape import shape
from runner.insight.diagnosis.training_side import Training, training_side
from runner.insight.train_curve import Column
from tests.insight.curve_maker import evals, falling, make, overfit, train_curve


def found(losses: list[float], rows: dict[int, Column] | None = None) -> Rise:
    current = rise(evals(losses), rows)
    assert current is not None
    return current


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=30))
def test_fits_are_least_squares_of_their_kind(values: list[float]) -> None:
    series = np.array(values)
    fit = shape(series)
    assert fit.turning_rss.shape == (len(values) - 1,)
    # A falling curve also turns (after its last value but one it may go anywhere), and nothing is below a perfect fit.
    assert -1e-9 <= fit.turning_rss.min() <= fit.falling_rss + 1e-9
    assert fit.falling_rss <= ((series - series.mean()) ** 2).sum() + 1e-9
    ordered = np.sort(series)
    assert shape(ordered[::-1]).falling_rss == pytest.approx(0, abs=1e-9)
    assert shape(ordered).turning_rss[0] == pytest.approx(0, abs=1e-9)
    assert shape(ordered).rise == pytest.approx(ordered[-1] - ordered[0])


def test_three_evaluations_speak_for_themselves_when_they_rise_far() -> None:
    assert found([0.27, 0.36, 0.536]).is_sure
    assert not found([0.50, 0.503, 0.506]).is_sure
    # One evaluation after the best may be off, however far.
    assert not found([1.2, 1.0, 1.5]).is_sure


def test_one_lucky_evaluation_makes_no_rise() -> None:
    level = [1.0, 1.01, 0.99, 1.0, 1.01, 0.99, 1.0]
    assert not found([2.0, 1.4, 0.9, *level]).is_sure


def test_one_bad_evaluation_hides_no_rise() -> None:
    losses = [0.0875, 0.0861, 0.1295, 0.0876, 0.0941, 0.0963, 0.0985, 0.1002, 0.1011, 0.1013]
    assert found(losses).is_sure


def test_a_steep_fall_before_the_best_does_not_look_like_scatter() -> None:
    current = found([9.7, 2.2, 1.8, 1.9, 1.95, 2.1, 2.3])
    assert current.is_sure
    assert current.noise / current.best.loss < 0.02


def test_a_long_series_is_judged_in_a_moment_and_alike() -> None:
    rng = np.random.default_rng(0)
    turning = np.concatenate([np.linspace(2, 1.65, 400), np.linspace(1.65, 2.09, 600)])
    current = found(list(turning * np.exp(rng.normal(0, 0.01, 1000))))
    assert current.is_sure
    assert current.level == pytest.approx(2.09 / 1.65 - 1, abs=0.05)


def rows_of(means: list[float], spread: float, n: int = 48) -> dict[int, Column]:
    """Rows whose mean is each of the means, drifting apart by `spread` of it."""
    rng = np.random.default_rng(1)
    kept = {}
    for i, mean in enumerate(means):
        shares = np.exp(rng.normal(0, spread, n))
        kept[10 * i] = mean * shares / shares.mean()
    return kept


def test_one_evaluation_is_enough_where_its_rows_and_the_training_rows_agree() -> None:
    losses = [9.743, 2.178, 1.796, 2.05]
    learned = [9.653, 2.036, 1.627, 1.517]
    alike = {
        step: np.full(48, loss) * np.linspace(0.99, 1.01, 48)
        for step, loss in zip((0, 10, 20, 30), losses, strict=True)
    }
    curves = make(losses, learned, over=False)
    assert diagnose(curves).kind is VerdictKind.RISING
    by_rows = diagnose(Curves(**{**vars(curves), "row_losses": {"val": alike}}))
    assert (by_rows.kind, by_rows.severity) == (VerdictKind.OVERFITTING, Severity.WARNING)
    assert "100 % of 48 held-out rows got worse" in by_rows.sentence
    # Not when few rows carry it, and not when training rows got worse with them.
    assert not found(losses, rows_of(losses, spread=0.5)).is_sure_by_rows
    together = make(losses, [*learned[:3], 1.9], over=False)
    assert diagnose(Curves(**{**vars(together), "row_losses": {"val": alike}})).kind is VerdictKind.RISING


def side(train: list[float], steps: list[float], **more: object) -> Training:
    points = evals([1.0, 0.8, 0.9, 1.0, 1.1], every=100)
    curve = train_curve(train)
    curve = type(curve).of(step=steps, loss=train)
    curves = Curves(train=curve, evals={"val": points}, nan_hidden=True, **more)  # type: ignore[arg-type]
    current = rise(points)
    assert current is not None
    return training_side(curves, current).state


def test_the_train_loss_may_be_logged_more_rarely_than_evaluations() -> None:
    assert side([], []) is Training.UNSEEN
    assert side([0.9], [100]) is Training.TOO_SPARSE
    assert side([0.9, 0.7], [100, 390]) is Training.FELL
    assert side([0.9, 0.9], [100, 390]) is Training.NOT_FALLEN
    assert side([0.2], [400]) is Training.BY_HEART


def test_a_train_loss_of_zero_is_known_by_heart_and_no_nan() -> None:
    assert side([0.08, 0.05, 0.0001, 0.0, 0.0], [50, 100, 150, 300, 400]) is Training.BY_HEART


def test_in_the_first_epoch_nothing_is_known_by_heart() -> None:
    assert side([0.9, 0.3], [100, 390], steps_per_epoch=1000) is Training.FIRST_EPOCH


def test_a_rise_that_training_rows_do_not_explain_is_said_by_size() -> None:
    rising = overfit(12, best=4, rise=0.3)
    unseen = diagnose(Curves(evals={"val": evals(rising)}, is_over=True))
    assert (unseen.kind, unseen.severity) == (VerdictKind.WORSENING, Severity.CRITICAL)
    assert "cannot be said" in unseen.sentence
    assert unseen.keep_step == 40
    smaller = diagnose(Curves(evals={"val": evals(overfit(12, best=4, rise=0.1))}, is_over=True))
    assert (smaller.kind, smaller.severity) == (VerdictKind.WORSENING, Severity.WARNING)
    unstable = diagnose(make(rising, rising))
    assert unstable.kind is VerdictKind.WORSENING
    assert "instability, not overfitting" in unstable.sentence


def test_the_noise_of_the_sentence_is_that_of_the_evidence() -> None:
    verdict = diagnose(make(overfit(12, best=4, rise=0.2), falling(12, end=0.5)))
    (finding,) = [one for one in verdict.findings if one.id == "overfitting"]
    assert f"noise ±{finding.evidence['noise_percent']:.1f} %" in verdict.sentence


def test_each_held_out_set_is_judged_and_the_verdict_names_it() -> None:
    rising, fine = overfit(12, best=4, rise=0.3), falling(12)
    sets = {"law": evals(fine), "code": evals(rising), "poems": evals(rising)}
    curves = make(fine, falling(12, end=0.5))
    verdict = diagnose(Curves(**{**vars(curves), "evals": {**sets, "train_probe": curves.probe}}))
    assert verdict.kind is VerdictKind.OVERFITTING
    assert verdict.sentence.startswith("code: Held-out loss")
    assert verdict.sentence.endswith("The same in poems.")
    calm = diagnose(Curves(**{**vars(curves), "evals": {"law": evals(fine), "train_probe": curves.probe}}))
    assert calm.kind is VerdictKind.HEALTHY


def test_a_metric_that_still_improves_is_said_beside_the_loss() -> None:
    rising = overfit(12, best=4, rise=0.3)
    accuracy = Metric(*np.array([[10.0 * i, 0.5 + 0.02 * i] for i in range(12)]).T)
    curves = make(rising, falling(12, end=0.5))
    verdict = diagnose(Curves(**{**vars(curves), "eval_metrics": {"val": {"accuracy": accuracy}}}))
    assert "But accuracy still improves: 0.58 → 0.72." in verdict.sentence


@given(st.lists(st.floats(1e-300, 1e300), min_size=2, max_size=40))
def test_any_losses_have_an_answer(losses: list[float]) -> None:
    points = tuple(EvalPoint(i, loss) for i, loss in enumerate(losses))
    current = rise(points)
    if current is not None:
        assert math.isfinite(current.noise)
        assert isinstance(current.is_sure, bool)


def test_an_epoch_that_cannot_be_is_no_advice() -> None:
    rising = overfit(12, best=4, rise=0.2)
    points = tuple(EvalPoint(10 * i, loss, 64, 1e308) for i, loss in enumerate(rising))
    curves = make(rising, falling(12, end=0.5))
    verdict = diagnose(replace(curves, evals={**curves.evals, "val": points}))
    assert verdict.kind is VerdictKind.OVERFITTING
    assert "epoch" not in verdict.actions[1].text
