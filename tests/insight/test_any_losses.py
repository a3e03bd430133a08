"""Whatever a trainer wrote, it is judged and not tripped over."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runner.insight.curves import Curves, EvalPoint
from runner.insight.diagnosis import diagnose
from runner.insight.train_curve import TrainCurve

LOSSES = st.floats(allow_nan=True, allow_infinity=True) | st.floats(0, 10)


@given(st.lists(LOSSES, max_size=30), st.lists(LOSSES, max_size=9))
@example([], [0.0] * 6)
@example([], [1.0, 1.4e-276, 2.6e32])
@example([], [1.4e-276, 2.6e32])
def test_any_losses(train: list[float], val: list[float]) -> None:
    points = tuple(EvalPoint(10 * i, loss) for i, loss in enumerate(val))
    verdict = diagnose(Curves(train=TrainCurve.of(loss=train), evals={"val": points}))
    assert verdict.sentence
    assert all(not math.isnan(finding.since_step) for finding in verdict.findings)


@pytest.mark.parametrize("loss", [0.0, 1e-300, 1e300, math.inf, math.nan, -1.0])
def test_evaluations_that_are_all_the_same_number(loss: float) -> None:
    points = tuple(EvalPoint(10 * i, loss) for i in range(9))
    assert diagnose(Curves(evals={"val": points, "general": points}, total_steps=80)).sentence
