"""A run whose loss falls while hardly an answer is right, and those about which nothing may be said."""

from __future__ import annotations

import numpy as np
import pytest

from runner.insight.curves import AnswerPoint, Curves, EvalPoint
from runner.insight.diagnosis import Severity, VerdictKind, diagnose
from runner.insight.diagnosis.answers import answers_wrong
from runner.insight.train_curve import TrainCurve

FIELDS = {"item": 1, "owner": 16}


def run(*exact: int, over: bool = True, n: int = 16, judgeable: int | None = None, ended: int = 16) -> Curves:
    """A healthy loss over 100 steps, with so many right answers at as many evaluations, the last at the last step."""
    steps = [round(100 * place / (len(exact) - 1 or 1)) for place in range(len(exact))]
    count = n if judgeable is None else judgeable
    points = tuple(
        AnswerPoint(step, n, right, min(ended, n), {**FIELDS, "count": right}, judgeable=count)
        for step, right in zip(steps, exact, strict=True)
    )
    losses = 2.0 * np.exp(-np.arange(1, 101) / 20) + 0.5
    vals = tuple(EvalPoint(step, 0.55 + 2.0 * float(np.exp(-step / 20)), 64) for step in range(0, 101, 10))
    total = 100 if over else 150
    return Curves(TrainCurve.of(loss=losses), {"val": vals}, total_steps=total, is_over=over, answers=points)


def test_a_healthy_loss_with_no_answer_right_is_said_to_be_so() -> None:
    curves = run(0, 0, 0, 1)
    verdict = diagnose(curves)
    assert (verdict.kind, verdict.severity) == (VerdictKind.ANSWERS_WRONG, Severity.WARNING)
    assert verdict.sentence == (
        "Only 1 of 16 held-out rows are answered exactly, whatever the loss says. "
        "Wrong most often: item (1 right), count (1 right)."
    )
    assert verdict.findings[0].evidence["right in owner"] == 16


def test_answers_that_never_end_are_told() -> None:
    found = answers_wrong(run(0, 0, ended=3))
    assert found is not None
    assert "Only 3 end by themselves." in found.sentence


@pytest.mark.parametrize(
    "curves",
    [
        run(0, 2),
        run(0, 0, judgeable=14),
        run(0, 0, n=7),
        run(0, 1, n=9),
        run(),
        run(0, 0, 1, over=False),
    ],
    ids=["two of sixteen", "prose among them", "few rows", "one of nine", "not asked", "they begin to come"],
)
def test_nothing_is_said(curves: Curves) -> None:
    assert answers_wrong(curves) is None
    assert diagnose(curves).kind is not VerdictKind.ANSWERS_WRONG


def test_past_half_of_a_run_that_is_stuck_it_is_said_while_it_goes_on() -> None:
    assert answers_wrong(run(0, 0, 0, over=False)) is not None
    curves = run(0, 0, 0, over=False)
    early = Curves(curves.train, curves.evals, total_steps=300, answers=curves.answers)
    assert answers_wrong(early) is None


def test_a_healthy_verdict_counts_the_answers() -> None:
    assert " 15 of 16 answers right." in diagnose(run(0, 9, 15)).sentence
    assert "answers" not in diagnose(run(0, 0, judgeable=2)).sentence


def test_what_a_graver_finding_explains_is_not_said_twice() -> None:
    curves = run(0, 0)
    flat = Curves(
        TrainCurve.of(loss=[2.0 + 0.01 * (i % 3) for i in range(100)], lr=[1e-4] * 100),
        {"val": tuple(EvalPoint(step, 2.0, 64) for step in range(0, 101, 10))},
        total_steps=100,
        is_over=True,
        answers=curves.answers,
    )
    verdict = diagnose(flat)
    assert verdict.kind is VerdictKind.NOT_LEARNING
    assert "answers-wrong" not in {finding.id for finding in verdict.findings}
