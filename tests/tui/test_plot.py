"""The chart draws anything, in the size it was given."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.insight.curves import EvalPoint
from runner.insight.reduction import reduce
from tui.widgets.plot import Chart, draw
from tui.widgets.sparkline import bar, sparkline

values = st.floats(allow_nan=True, allow_infinity=True, width=32)


@given(st.lists(values, max_size=60), st.lists(values, max_size=8), st.integers(1, 130), st.integers(1, 40))
def test_any_curve_fits_its_box(losses: list[float], evals: list[float], width: int, height: int) -> None:
    points = tuple(EvalPoint(i * 5, loss) for i, loss in enumerate(evals))
    chart = Chart(reduce(list(range(1, len(losses) + 1)), losses), points, points, 5, 7)
    rows = draw(chart, width, height)
    assert len(rows) == height
    assert all(row.cell_len <= width for row in rows)


def test_a_nan_is_shown_as_what_it_is() -> None:
    rows = draw(Chart(reduce([1, 2, 3], [1.0, math.nan, 2.0])), 40, 10)
    assert "×" in rows[0].plain


def test_the_best_evaluation_and_the_epochs_are_marked() -> None:
    points = tuple(EvalPoint(step, loss) for step, loss in ((0, 3.0), (10, 2.0), (20, 2.5)))
    text = "\n".join(row.plain for row in draw(Chart((), points, (), 10, 8), 60, 12))
    assert text.count("★") == 1
    assert text.count("◆") == 2
    assert "┊" in text
    assert "step 20" in text


@given(st.lists(values, max_size=50), st.integers(0, 30))
def test_a_sparkline_is_as_long_as_it_may_be(series: list[float], width: int) -> None:
    assert len(sparkline(series, width)) == min(len(series), width)


def test_a_sparkline_rises_with_its_values() -> None:
    assert sparkline([1, 2, 3, math.nan, 4], 5) == "▁▃▆×█"


@pytest.mark.parametrize("share", [-1.0, 0.0, 0.5, 1.0, 7.0])
def test_a_bar_has_its_width(share: float) -> None:
    assert sum(map(len, bar(share, 20))) == 20
