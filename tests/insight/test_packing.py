"""Counting packed rows without packing; TRL's own count is compared in tests/train/test_packing.py."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.insight.packing import packed_rows

lengths = st.lists(st.integers(1, 120), max_size=80)
max_lengths = st.integers(1, 64)


def one_by_one(rows: list[int], max_length: int, split: bool) -> int:
    """Best fit decreasing as in a textbook."""
    pieces: list[int] = []
    for row in rows:
        whole, rest = divmod(row, max_length) if split else (0, min(row, max_length))
        pieces += [max_length] * whole + [rest] * (rest > 0)
    spaces: list[int] = []
    for piece in sorted(pieces, reverse=True):
        fitting = [place for place, space in enumerate(spaces) if space >= piece]
        if fitting:
            spaces[min(fitting, key=lambda place: spaces[place])] -= piece
        else:
            spaces.append(max_length - piece)
    return len(spaces)


@given(lengths, max_lengths, st.booleans())
def test_as_many_rows_as_when_they_are_packed_one_by_one(rows: list[int], most: int, split: bool) -> None:
    assert packed_rows(Counter(rows), most, split) == one_by_one(rows, most, split)


@given(lengths, max_lengths, st.booleans())
def test_no_fewer_than_the_tokens_fill_and_no_more_than_there_are(
    rows: list[int], most: int, split: bool
) -> None:
    count = packed_rows(Counter(rows), most, split)
    tokens = sum(rows) if split else sum(min(row, most) for row in rows)
    pieces = sum(math.ceil(row / most) for row in rows) if split else len(rows)
    assert math.ceil(tokens / most) <= count <= pieces
    # Best fit leaves no two rows that could be one: more than half is full, but for the last.
    assert count <= 2 * tokens / most + 1


@given(lengths, max_lengths, st.integers(2, 5))
def test_many_rows_of_a_length_are_as_so_many_single_ones(rows: list[int], most: int, times: int) -> None:
    many = {length: count * times for length, count in Counter(rows).items()}
    assert packed_rows(many, most) == one_by_one(rows * times, most, split=False)


@pytest.mark.parametrize(
    ("counts", "most", "split", "rows"),
    [
        ({}, 8, False, 0),
        ({0: 5}, 8, False, 0),
        ({4: 3}, 8, False, 2),
        ({8: 3}, 8, False, 3),
        ({5: 2, 3: 2}, 8, False, 2),
        ({20: 1}, 8, False, 1),
        ({20: 1}, 8, True, 3),
        ({20: 1, 4: 1}, 8, True, 3),
        ({16: 1}, 8, True, 2),
        ({3: 1_000_000}, 2048, False, 1467),
    ],
)
def test_known_counts(counts: dict[int, int], most: int, split: bool, rows: int) -> None:
    assert packed_rows(counts, most, split) == rows
