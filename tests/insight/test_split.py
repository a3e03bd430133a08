"""Held-out rows, samples and the order in which lists are blended."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.insight.split import (
    LEAST_HELD_OUT,
    blended_size,
    held_out,
    held_out_size,
    interleave,
    sample,
)

# Few different keys, so that copies are common.
keys = st.lists(st.integers(0, 300) | st.integers(0, 5), max_size=300)
fractions = st.floats(0.001, 0.9)
mosts = st.integers(1, 600)
seeds = st.integers(0, 2**32)


def places(rows: Sequence[int], fraction: float, most: int, seed: int) -> set[int]:
    """Where the held-out rows are."""
    return set(np.flatnonzero(held_out(np.array(rows, dtype=np.uint64), fraction, most, seed)).tolist())


@pytest.mark.parametrize(
    ("rows", "fraction", "most", "size"),
    [
        (5000, 0.05, 512, 250),
        (5001, 0.05, 512, 251),
        (5000, 0.0, 512, 0),
        (100_000, 0.05, 512, 512),
        # At least 32 …
        (200, 0.05, 512, 32),
        # … but no more than a fifth of a small file, and one of a tiny one.
        (100, 0.05, 512, 20),
        (16, 0.05, 512, 3),
        (2, 0.05, 512, 1),
        (1, 0.5, 512, 0),
        (0, 0.5, 512, 0),
        (200, 0.05, 10, 10),
    ],
)
def test_known_sizes(rows: int, fraction: float, most: int, size: int) -> None:
    assert held_out_size(rows, fraction, most) == size


@given(st.integers(2, 10**6), fractions, mosts)
def test_the_size_keeps_its_bounds(rows: int, fraction: float, most: int) -> None:
    size = held_out_size(rows, fraction, most)
    assert 1 <= size <= min(most, max(1, rows // 5))
    if size < min(most, max(1, rows // 5)):
        assert size == max(LEAST_HELD_OUT, math.ceil(rows * fraction))


@given(keys, fractions, mosts, seeds)
def test_only_rows_without_a_copy_are_held_out(
    rows: list[int], fraction: float, most: int, seed: int
) -> None:
    chosen = places(rows, fraction, most, seed)
    copies = Counter(rows)
    unique = {place for place, key in enumerate(rows) if copies[key] == 1}
    assert chosen <= unique
    assert len(chosen) == min(len(unique), held_out_size(len(rows), fraction, most))


@given(keys, fractions, mosts, seeds)
def test_a_seed_draws_the_same_rows_again(rows: list[int], fraction: float, most: int, seed: int) -> None:
    assert places(rows, fraction, most, seed) == places(list(rows), fraction, most, seed)


@given(keys, fractions, mosts, seeds)
def test_what_counts_is_where_rows_are_not_what_they_are(
    rows: list[int], fraction: float, most: int, seed: int
) -> None:
    named = np.array([f"row {key}" for key in rows], dtype=str)
    assert places(rows, fraction, most, seed) == set(
        np.flatnonzero(held_out(named, fraction, most, seed)).tolist()
    )


def test_another_seed_draws_other_rows() -> None:
    draws = {frozenset(places(range(1000), 0.05, 512, seed)) for seed in range(5)}
    assert len(draws) == 5


def test_nothing_is_held_out_of_copies() -> None:
    assert places([1] * 100, 0.5, 512, 42) == set()


@given(st.integers(0, 500), st.integers(0, 500), seeds)
def test_a_sample_is_rising_and_as_large_as_asked(rows: int, most: int, seed: int) -> None:
    places = list(sample(rows, most, seed))
    assert len(places) == min(rows, most)
    assert places == sorted(set(places))
    assert set(places) <= set(range(rows))
    assert places == list(sample(rows, most, seed))


def test_a_sample_is_of_the_whole_not_of_its_beginning() -> None:
    """The middle of 100 rows out of 10,000 lies in the middle, give or take five standard errors."""
    places = sample(10_000, 100, 42)
    assert 5000 - 5 * 289 < sum(places) / 100 < 5000 + 5 * 289


@given(st.integers(1, 10**6), st.lists(st.floats(0.01, 0.3), min_size=1, max_size=3))
def test_blended_rows_have_their_share_of_all(own: int, ratios: list[float]) -> None:
    sizes = [blended_size(own, ratio, sum(ratios)) for ratio in ratios]
    total = own + sum(sizes)
    for size, ratio in zip(sizes, ratios, strict=True):
        assert abs(size - ratio * total) <= len(ratios)


@given(st.lists(st.integers(0, 60), max_size=5))
def test_every_row_is_interleaved_once(sizes: list[int]) -> None:
    counts = Counter(interleave(sizes))
    assert [counts[which] for which in range(len(sizes))] == sizes


@given(st.lists(st.integers(1, 60), min_size=1, max_size=4))
def test_lists_are_interleaved_evenly(sizes: list[int]) -> None:
    """After any number of rows each list has given its share of them, give or take one for each list."""
    order, total = interleave(sizes), sum(sizes)
    given_by = [0] * len(sizes)
    for seen, which in enumerate(order, 1):
        given_by[which] += 1
        for so_far, size in zip(given_by, sizes, strict=True):
            assert abs(so_far - seen * size / total) <= len(sizes)


def test_the_rarer_source_is_not_bunched_at_an_end() -> None:
    assert interleave([8, 2]) == [0, 0, 1, 0, 0, 0, 0, 1, 0, 0]
