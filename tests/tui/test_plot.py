"""The chart draws anything, in the size it was given."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.insight.reduction import Bucket, even_edges, reduce
from tui.charts.plot import Chart, Line, Mark, Point, draw
from tui.widgets.sparkline import bar, sparkline


def curve(losses: list[float]) -> tuple[Bucket, ...]:
    n = len(losses)
    return reduce(np.arange(1.0, n + 1), np.array(losses), even_edges(0, max(1, n), 80))


values = st.floats(allow_nan=True, allow_infinity=True, width=32)


@given(st.lists(values, max_size=60), st.lists(values, max_size=8), st.integers(1, 130), st.integers(1, 40))
def test_any_curve_fits_its_box(losses: list[float], evals: list[float], width: int, height: int) -> None:
    points = tuple(Point(i * 5.0, loss) for i, loss in enumerate(evals))
    line = Line(curve(losses), points, points, 5)
    chart = Chart((line,), 0, max(1.0, len(losses)), (7.0, 14.0), (Mark(3, "bold"),), 4.0)
    rows = draw(chart, width, height)
    assert len(rows) == height
    assert all(row.cell_len <= width for row in rows)


def test_a_nan_is_shown_as_what_it_is() -> None:
    rows = draw(Chart((Line(curve([1.0, math.nan, 2.0])),), 0, 3), 40, 10)
    assert "×" in rows[0].plain


def test_the_best_evaluation_and_the_epochs_are_marked() -> None:
    points = tuple(Point(step, loss) for step, loss in ((0, 3.0), (10, 2.0), (20, 2.5)))
    text = "\n".join(
        row.plain for row in draw(Chart((Line((), points, (), 10),), 0, 20, (8.0, 16.0)), 60, 12)
    )
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
