"""Evaluations at steps without a fixed interval: where the plan says, saved there, and gone on with."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from runner.insight.eval_budget import stretched
from runner.store.checkpoints import checkpoints
from runner.store.directory import RunDirectory
from runner.store.history import read_history
from tests.train.small_runs import events, run_of
from tests.train.test_resume import gone_on, interrupted

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("grid")]

SHORT = (
    "train.max_steps=20",
    "train.gradient_accumulation_steps=1",
    "eval.eval_steps=auto",
    "eval.max_eval_samples=auto",
    "eval.sample_max_new_tokens=8",
    "output.save_total_limit=100",
)
GRID = list(stretched(20, 6))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return run_of(tmp_path_factory.mktemp("grid"), *SHORT)


def test_it_is_evaluated_and_saved_where_the_plan_says(run: RunDirectory) -> None:
    history = read_history(run)
    plan = history.plan
    assert plan["eval_grid"] == GRID == [4, 8, 11, 14, 17, 20]
    assert (plan["eval_steps"], plan["save_steps"], plan["eval_rows"], plan["probe_rows"]) == (
        None,
        None,
        32,
        32,
    )
    assert 0 < plan["eval_share"] < 1
    for name in ("val", "train_probe"):
        assert [(point.step, point.n) for point in history.evals[name]] == [(step, 32) for step in (0, *GRID)]
    assert [one.step for one in checkpoints(run)] == GRID
    assert history.checkpoints == GRID


def test_the_rows_of_an_evaluation_are_always_the_same(run: RunDirectory) -> None:
    rows = read_history(run).row_losses["val"]
    assert list(rows) == [0, *GRID]
    assert {losses.shape for losses in rows.values()} == {(32,)}
    # Losses fall about alike for all rows; other rows would be in another order.
    assert np.corrcoef(rows[17], rows[20])[0, 1] > 0.9


def test_answers_come_at_the_start_and_the_end(run: RunDirectory) -> None:
    history = read_history(run)
    assert [point.step for point in history.answers] == history.plan["answered_at"] == [0, 20]
    assert sorted({event["step"] for event in events(run, "sample")}) == [0, 20]


def test_a_run_that_goes_on_keeps_to_it(run: RunDirectory, tmp_path: Path) -> None:
    again = gone_on(interrupted(run, 11, tmp_path), 11)
    whole = read_history(run)
    assert [point.step for point in again.evals["val"]] == [0, *GRID]
    assert [(p.step, p.exact) for p in again.answers] == [(p.step, p.exact) for p in whole.answers]
    np.testing.assert_allclose(
        [point.loss for point in again.evals["val"]], [point.loss for point in whole.evals["val"]], atol=1e-5
    )
    assert again.checkpoints == whole.checkpoints


def test_a_checkpoint_made_with_an_interval_does_not_bring_it_back(run: RunDirectory, tmp_path: Path) -> None:
    copy = interrupted(run, 8, tmp_path)
    state = copy.checkpoints / "checkpoint-8" / "trainer_state.json"
    text = state.read_text()
    assert '"eval_steps": 20' in text
    state.write_text(
        text.replace('"eval_steps": 20', '"eval_steps": 3').replace('"save_steps": 20', '"save_steps": 3')
    )
    assert [point.step for point in gone_on(copy, 8).evals["val"]] == [0, *GRID]


def test_checkpoints_at_steps_of_their_own_are_kept_apart_from_evaluations(tmp_path: Path) -> None:
    fixed = run_of(
        tmp_path,
        *SHORT,
        "eval.answer_rows=0",
        "eval.sample_max_new_tokens=0",
        "output.save_steps=5",
        "output.load_best_model_at_end=false",
    )
    history = read_history(fixed)
    assert history.plan["eval_steps"] in (1, 5)
    assert history.plan["save_steps"] == 5
    assert {5, 10, 15, 20} <= {one.step for one in checkpoints(fixed)}
    shutil.rmtree(fixed.path)
