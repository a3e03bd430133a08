"""Step arithmetic as properties; the real trainer's own count is compared in tests/train."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.insight import batch

counts = st.integers(1, 64)


@pytest.mark.parametrize(
    ("rows", "per_device", "accumulation", "epochs", "warmup", "per_epoch", "total", "warm"),
    [
        (400, 4, 4, 3, 5, 25, 75, 5),
        (401, 4, 4, 1, 0, 26, 26, 0),
        (10, 4, 4, 1, 0.1, 1, 1, 1),
        (100, 1, 16, 2.5, 0.03, 7, 18, 1),
        (1, 8, 8, 1, 0, 1, 1, 0),
    ],
)
def test_known_counts(
    rows: int,
    per_device: int,
    accumulation: int,
    epochs: float,
    warmup: float,
    per_epoch: int,
    total: int,
    warm: int,
) -> None:
    plan = batch.plan(rows, per_device, accumulation, epochs, warmup)
    assert (plan.steps_per_epoch, plan.total_steps, plan.warmup_steps) == (per_epoch, total, warm)


@given(st.integers(1, 5000), counts, counts, st.floats(0.1, 5), counts)
def test_an_epoch_shows_every_row(
    rows: int, per_device: int, accumulation: int, epochs: float, world: int
) -> None:
    plan = batch.plan(rows, per_device, accumulation, epochs, world_size=world)
    assert (
        (plan.steps_per_epoch - 1) * plan.effective_batch
        < rows
        <= plan.steps_per_epoch * plan.effective_batch
    )
    assert plan.total_steps == math.ceil(epochs * plan.steps_per_epoch)
    assert plan.effective_batch == per_device * accumulation * world


def test_max_steps_wins_over_epochs() -> None:
    assert batch.plan(1000, 1, 1, 3, max_steps=7).total_steps == 7


@pytest.mark.parametrize("wrong", [(0, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_nothing_cannot_be_counted(wrong: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        batch.plan(*wrong, epochs=1)


def test_it_is_spelled_out() -> None:
    assert batch.plan(100, 4, 4, 1).spelled_out == "4 × 4 × 1 = 16"


@given(st.integers(1, 10**6))
def test_there_are_about_ten_evaluations(total: int) -> None:
    interval = batch.evaluation_interval(total)
    assert interval >= 1
    assert total < 10 or 10 <= total / interval < 20
