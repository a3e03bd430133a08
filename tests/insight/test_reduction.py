"""Curves cut down keep their extremes, their length bound, and survive anything."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.insight.reduction import even_edges, means, reduce, smooth

losses = st.lists(st.floats(-1e6, 1e6) | st.sampled_from([math.nan, math.inf]), max_size=200)


@given(losses, st.integers(1, 50))
def test_no_extreme_is_lost(values: list[float], most: int) -> None:
    n = len(values)
    buckets = reduce(np.arange(1.0, n + 1), np.array(values), even_edges(0, max(1, n), most))
    finite = [value for value in values if math.isfinite(value)]
    assert len(buckets) <= most
    if finite:
        assert max(b.high for b in buckets if math.isfinite(b.high)) == max(finite)
        assert min(b.low for b in buckets if math.isfinite(b.low)) == min(finite)
    assert sum(b.bad for b in buckets) == len(values) - len(finite)
    if values:
        assert buckets[-1].last == n


def test_smoothing_is_not_biased_at_its_start() -> None:
    assert smooth([3.0] * 10, 50) == pytest.approx([3.0] * 10)
    assert math.isnan(smooth([math.nan, 1.0], 5)[0])
    assert smooth([1.0, math.nan], 5)[1] == pytest.approx(1.0)


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=100), st.integers(1, 20))
def test_means_lie_between_the_extremes(values: list[float], most: int) -> None:
    assert all(min(values) - 1e-9 <= mean <= max(values) + 1e-9 for mean in means(values, most))
    assert len(means(values, most)) == min(most, len(values))
