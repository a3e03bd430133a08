"""Two evaluations of the same rows compared row by row."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.insight.paired import Paired, paired

losses = st.floats(0, 20, allow_nan=False)
pairs = st.lists(st.tuples(losses, losses), min_size=2, max_size=40)


def compared(before: list[float], now: list[float]) -> Paired:
    found = paired(np.array(before), np.array(now))
    assert found is not None
    return found


def test_a_worked_example() -> None:
    """d = 0.1, 0.3, −0.2, 0: mean 0.05, variance 0.13/3, of which a fourth is the squared error of the mean."""
    found = compared([1.0, 2.0, 3.0, 4.0], [1.1, 2.3, 2.8, 4.0])
    assert found.mean == pytest.approx(0.05)
    assert found.error == pytest.approx(math.sqrt(0.13 / 3 / 4))
    assert (found.n, found.share_worse) == (4, 0.5)
    assert not found.is_seen


@given(pairs)
def test_there_and_back_are_opposite(values: list[tuple[float, float]]) -> None:
    before, now = ([pair[i] for pair in values] for i in (0, 1))
    there, back = compared(before, now), compared(now, before)
    assert there.mean == -back.mean
    assert there.error == pytest.approx(back.error)
    assert there.n == back.n == len(values)
    equal = sum(a == b for a, b in values) / len(values)
    assert there.share_worse + back.share_worse == pytest.approx(1 - equal)
    assert there.share_worse == pytest.approx(sum(b > a for a, b in values) / len(values))


@given(pairs, st.sampled_from([math.nan, math.inf]), st.booleans())
def test_rows_without_a_loss_are_left_out(values: list[tuple[float, float]], bad: float, late: bool) -> None:
    before, now = ([pair[i] for pair in values] for i in (0, 1))
    found = compared([*before, 1.0 if late else bad], [*now, bad if late else 1.0])
    assert found == compared(before, now)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ([], []),
        ([1.0], [2.0]),
        ([1.0, math.nan, 3.0], [2.0, 2.0, math.nan]),
        ([1.0, 2.0], [1.0, 2.0, 3.0]),
    ],
    ids=["none", "one", "one finite pair", "other rows"],
)
def test_what_cannot_be_compared_is_not(before: list[float], now: list[float]) -> None:
    assert paired(np.array(before), np.array(now)) is None


def test_rows_infinite_both_times_are_left_out_without_a_word() -> None:
    assert compared([math.inf, 1.0, 2.0], [math.inf, 1.5, 2.5]).n == 2


def test_a_shift_of_all_rows_is_seen_and_none_is_not() -> None:
    assert compared([1.0, 2.0, 3.0], [1.5, 2.5, 3.5]).is_seen
    assert not compared([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]).is_seen


def test_equals_are_seldom_seen_as_different_and_small_shifts_of_many_rows_are() -> None:
    """Rows between 0.2 and 6 nats with a scatter of 0.1: the means alone could not tell 0.02 from nothing."""
    chance = np.random.default_rng(4)
    seen = {0.0: 0, 0.02: 0}
    for shift in seen:
        for _ in range(400):
            before = chance.uniform(0.2, 6, 256)
            found = paired(before, before + chance.normal(shift, 0.1, 256))
            assert found is not None
            seen[shift] += found.is_seen
    assert seen[0.0] / 400 < 0.08
    assert seen[0.02] / 400 > 0.8
