"""How often and on how many rows a run is evaluated within its budget."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.insight import batch
from runner.insight.eval_budget import (
    DECODE,
    LADDER,
    LEAST_EVALUATIONS,
    LEAST_ROWS,
    Counted,
    EvalPlan,
    plan_evaluations,
    stretched,
)
from runner.preset import files
from runner.preset.schema import Preset

PRESET = files.load("qlora-quickstart", Path("/nowhere")).preset


def preset_of(**settings: object) -> Preset:
    """The quickstart with settings of its evaluation changed."""
    return PRESET.model_copy(update={"eval": PRESET.eval.model_copy(update=settings)})


def planned(preset: Preset, rows: int, held_out: int = 512, tokens: float = 300.0) -> EvalPlan:
    plan = batch.plan(rows, 4, 4, 1.0)
    return plan_evaluations(preset, plan, Counted(rows, held_out, 0, tokens, tokens / 3))


@given(st.integers(1, 100_000), st.integers(1, 20))
def test_the_grid_ends_at_the_last_step_and_gets_closer(total: int, times: int) -> None:
    steps = stretched(total, times)
    assert steps[-1] == total
    assert steps[0] >= 1
    assert len(steps) == len(set(steps)) <= times
    gaps = [after - before for before, after in itertools.pairwise((0, *steps))]
    # Steps are whole: a gap may be one longer than the one before.
    assert all(after <= before + 1 for before, after in itertools.pairwise(gaps))
    if total >= 10 * times > 20:
        assert gaps[0] > 1.2 * gaps[-1]


def test_a_long_run_has_all_that_is_of_use() -> None:
    found = planned(PRESET, 100_000)
    assert (found.times, found.rows, found.probe_rows, found.answered_at) == (10, 512, 128, None)
    assert found.share < 0.08


def test_a_short_run_gets_the_least_a_verdict_needs_and_says_it_costs_more() -> None:
    found = planned(PRESET, 150)
    assert (found.times, found.rows, found.probe_rows) == (LEAST_EVALUATIONS, LEAST_ROWS, LEAST_ROWS)
    assert found.share > 0.08
    assert found.answered_at is not None
    assert found.answered_at[0] == 0
    assert found.answered_at[-1] == found.total_steps
    assert len(found.answered_at) == 2


@given(st.integers(64, 200_000), st.integers(1, 512), st.floats(0.01, 0.99))
def test_within_the_budget_or_at_the_floor(rows: int, held_out: int, budget: float) -> None:
    found = planned(preset_of(budget=budget), rows, held_out)
    least = (min(LEAST_EVALUATIONS, found.total_steps), min(LEAST_ROWS, held_out))
    assert found.share <= budget or (found.times, found.rows) == least
    assert found.times >= least[0]
    assert found.rows >= least[1]
    assert 0 < found.probe_rows <= min(128, found.rows)
    assert found.is_due(found.total_steps)


@given(st.integers(64, 200_000), st.floats(0.01, 0.5), st.floats(1.0, 2.0))
def test_a_larger_budget_never_measures_less(rows: int, budget: float, factor: float) -> None:
    small, large = (planned(preset_of(budget=one), rows) for one in (budget, min(1.0, budget * factor)))
    assert large.times >= small.times
    assert large.rows >= small.rows


def test_no_limit() -> None:
    found = planned(preset_of(budget=1.0), 1500)
    assert (found.times, found.rows, found.probe_rows) == (10, 512, 128)


def test_the_cost_worked_by_hand() -> None:
    """160 rows of 100 tokens, one epoch, with gradient checkpointing: 64,000 forward passes of a token. Eleven
    evaluations of 20 + 20 rows: 44,000; no answers.
    """
    preset = preset_of(budget=1.0, answer_rows=0, sample_max_new_tokens=0)
    found = plan_evaluations(preset, batch.plan(160, 4, 4, 1.0), Counted(160, 20, 0, 100.0, 30.0))
    assert found.times == 10
    assert found.share == pytest.approx(44_000 / (44_000 + 64_000))


def test_answers_cost_their_prompts_and_a_pass_a_token() -> None:
    """Sixteen prompts of 100 tokens, then as many passes as the longest answer has tokens, twice the mean of 30."""
    silent = preset_of(budget=1.0, answer_rows=0, sample_max_new_tokens=0)
    asked = preset_of(budget=1.0, answer_rows=16, sample_max_new_tokens=0)
    plan, counted = batch.plan(160, 4, 4, 1.0), Counted(160, 20, 0, 100.0, 30.0)
    shares = [plan_evaluations(one, plan, counted).share for one in (silent, asked)]
    costs = [64_000 * share / (1 - share) for share in shares]
    assert costs[1] - costs[0] == pytest.approx(11 * (1600 + 60 * DECODE))


@pytest.mark.parametrize(
    ("settings", "times", "rows"),
    [
        ({"eval_steps": 3}, 4, 32),
        ({"eval_steps": 3, "max_eval_samples": 200}, 4, 200),
        ({"max_eval_samples": 200}, 6, 200),
        ({"max_eval_samples": 8}, 6, 8),
        ({"eval_steps": 100}, 1, 32),
    ],
)
def test_what_the_preset_sets_stays(settings: dict[str, int], times: int, rows: int) -> None:
    found = planned(preset_of(**settings), 160)
    assert (found.total_steps, found.times, found.rows) == (10, times, rows)
    if "eval_steps" in settings:
        assert [step for step in range(1, 11) if found.is_due(step)] == [
            *range(settings["eval_steps"], 10, settings["eval_steps"]),
            10,
        ]
        assert found.answered_at is None


def test_a_fixed_interval_of_checkpoints_is_followed() -> None:
    preset = PRESET.model_copy(update={"output": PRESET.output.model_copy(update={"save_steps": 100})})
    found = planned(preset, 4800)
    assert (found.total_steps, found.interval, found.save_steps, found.saves_apart) == (300, 25, 100, False)


def test_without_a_probe() -> None:
    assert planned(preset_of(train_probe=False), 10_000).probe_rows == 0


def test_answers_go_with_an_evaluation_that_was_asked_for() -> None:
    found = planned(PRESET, 1500)
    between = next(step for step in range(1, found.total_steps) if not found.is_due(step))
    skipped = [step for step in found.grid if not found.is_answered(step)]
    assert found.is_answered(between)
    assert found.is_answered(0)
    assert skipped
    assert all(found.is_due(step) for step in skipped)


def test_the_ladder_goes_down() -> None:
    for above, below in itertools.pairwise(LADDER):
        assert above != below
        assert above.times >= below.times
        assert above.rows >= below.rows
        assert (above.answers or 100) >= (below.answers or 100)
