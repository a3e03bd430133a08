"""Pairs of batch and accumulation: near the target, those that fit first, the fastest of them foremost."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.insight.data import DataReport
from runner.insight.memory.cards import Card, find_card
from runner.insight.memory.inputs import MemoryInputs
from runner.insight.memory.predict import Predictor
from runner.insight.memory.savings import with_batch
from runner.insight.proposals import MOST_OFF, MOST_SHOWN, Proposal, propose
from tests.insight.architectures import dense

LLAMA_8B = dense("llama", 4096, 14336, 32, 32, 8, 128, 128256, False)
SETUP = MemoryInputs(
    LLAMA_8B, targets=LLAMA_8B.linear_names, batch=1, eval_batch=1, length=1024, eval_length=1024
)
RTX_4090 = find_card("RTX 4090")
DATA = DataReport(lengths={100: 900, 1000: 100}, complete=True)

targets = st.integers(1, 300)
cards = st.integers(4000, 80_000).map(lambda free: replace(RTX_4090, free_mib=free))
reports = st.none() | st.just(DATA) | st.just(DataReport(lengths={512: 1000}))


@given(targets, cards, reports)
def test_every_pair_is_near_the_target(target: int, card: Card, data: DataReport | None) -> None:
    found = propose(target, SETUP, Predictor(card), data, 1024)
    assert 1 <= len(found) <= MOST_SHOWN
    for one in found:
        assert one.per_device >= 1 and one.accumulation >= 1
        assert abs(one.effective - target) <= MOST_OFF * target
    pairs = [(one.per_device, one.accumulation) for one in found]
    assert len(set(pairs)) == len(pairs)


@given(targets, cards, reports)
def test_the_target_itself_can_always_be_had(target: int, card: Card, data: DataReport | None) -> None:
    """97 means 97: 96 and 98 are offered beside it, not instead."""
    assert target in {one.effective for one in propose(target, SETUP, Predictor(card), data, 1024)}


@given(targets, cards, reports)
def test_those_that_fit_come_first(target: int, card: Card, data: DataReport | None) -> None:
    found = propose(target, SETUP, Predictor(card), data, 1024)
    assert [one.fits for one in found] == sorted((one.fits for one in found), reverse=True)
    for one in found:
        assert one.need_mib == Predictor(card).need_mib(with_batch(SETUP, one.per_device, one.accumulation))
        assert one.fits == (one.need_mib <= card.free_mib)


@given(targets, cards, reports)
def test_one_row_at_a_time_is_offered_where_nothing_larger_fits(
    target: int, card: Card, data: DataReport | None
) -> None:
    predictor = Predictor(card)
    if predictor.need_mib(with_batch(SETUP, 1, target)) <= card.free_mib:
        assert propose(target, SETUP, predictor, data, 1024)[0].fits


@given(targets, cards, reports)
def test_the_first_is_as_fast_as_any_that_fits(target: int, card: Card, data: DataReport | None) -> None:
    """Times within 2 % count as equal."""
    found = propose(target, SETUP, Predictor(card), data, 1024)
    if found[0].fits:
        assert found[0].relative_time == pytest.approx(1.0, abs=0.02)
        assert all(one.relative_time >= 1.0 for one in found if one.fits)
        times = [one.relative_time for one in found if one.fits]
        assert all(later >= sooner - 0.02 for sooner, later in itertools.pairwise(times))


@given(targets, reports)
def test_without_a_prediction_everything_fits(target: int, data: DataReport | None) -> None:
    found = propose(target, None, None, data, 1024)
    assert all(one.fits and one.need_mib is None for one in found)


@pytest.mark.parametrize("target", [0, -1, -16])
def test_less_than_one_row_is_refused(target: int) -> None:
    with pytest.raises(ValueError, match="at least one row"):
        propose(target, None, None, None, 1024)


def test_one_row_is_one_row() -> None:
    assert propose(1, None, None, None, 1024) == (Proposal(1, 1, None, True, 1.0),)


def test_pairs_are_exact_where_the_target_has_divisors() -> None:
    found = propose(16, None, None, None, 2048)
    assert {(one.per_device, one.accumulation) for one in found} == {(1, 16), (2, 8), (4, 4), (8, 2), (16, 1)}


def test_of_equally_fast_pairs_the_smaller_batch_leaves_room() -> None:
    """Full rows of 16 k tokens saturate a GPU one at a time."""
    assert propose(16, None, None, None, 16384)[0].per_device == 1


def test_short_rows_want_larger_batches() -> None:
    data = DataReport(lengths={64: 1000})
    assert propose(16, None, None, data, 2048)[0].per_device == 16


def test_padding_can_make_larger_batches_slower() -> None:
    """One row in ten is ten times as long: in a batch of 16 nearly every row is padded to it."""
    found = propose(16, None, None, DATA, 1024)
    times = {one.per_device: one.relative_time for one in found}
    assert times[16] > 1.5 * times[1]


def test_a_pair_is_not_called_faster_for_doing_less() -> None:
    """Rows of one length and no cost of a pass: 92 rows take 95 % of the time of 97, and are no quicker a row."""
    found = propose(97, None, None, DataReport(lengths={65536: 10}), 65536)
    times = [one.relative_time for one in found]
    assert max(times) - min(times) < 0.01


@pytest.mark.parametrize("target", [4097, 8192, 10_007])
def test_pairs_are_ones_that_a_preset_may_have(target: int) -> None:
    """The schema allows up to 4096 of each."""
    for one in propose(target, None, None, None, 1024):
        assert one.per_device <= 4096 and one.accumulation <= 4096
