"""trainer_state.json: followed from checkpoint to checkpoint, with what real ones hold."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from runner.foreign import trainer_state
from runner.foreign.opening import open_trace
from runner.foreign.trace import read_trace
from runner.store.history import History
from runner.store.jsonl import Record
from tests.foreign.conftest import curves_of


def entries(*steps: int, loss: float = 1.0, **more: Any) -> list[Record]:
    return [{"step": step, "epoch": step / 10, "loss": loss, "learning_rate": 1e-4} | more for step in steps]


def state(log: list[Record], step: int, total: int = 40, **more: Any) -> Record:
    head: Record = {"global_step": step, "max_steps": total, "num_train_epochs": 4, "logging_steps": 5}
    return {**head, "eval_steps": 10, "save_steps": 10, "log_history": log, **more}


def save(folder: Path, log: list[Record], step: int, **more: Any) -> Path:
    """A checkpoint as the Trainer writes it: Python's json, bare NaN and all."""
    path = folder / f"checkpoint-{step}" / "trainer_state.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(state(log, step, **more), indent=2))
    return path


def test_a_newer_checkpoint_brings_what_is_new(tmp_path: Path) -> None:
    log = entries(5, 10)
    save(tmp_path, log, 10)
    trace, history = open_trace(tmp_path), History()
    for event in trace.poll():
        history.fold(event)
    assert list(history.train.step) == [5, 10]
    assert trace.poll() == []
    save(tmp_path, log + entries(15, 20), 20)
    for event in trace.poll():
        history.fold(event)
    assert list(history.train.step) == [5, 10, 15, 20]
    assert history.checkpoints == [10, 20]
    assert history.resumed_at == []
    assert trace.restarts == 0
    assert history.end == {}
    save(tmp_path, log + entries(15, 20, 25, 30, 35, 40), 40)
    for event in trace.poll():
        history.fold(event)
    assert history.phase.is_over
    assert trace.kind == "Trainer state"
    assert trace.name == tmp_path.name


def test_plan_and_bare_nan(tmp_path: Path) -> None:
    log = [*entries(5), *entries(10, grad_norm=math.nan, loss=0.0), {"step": 10, "eval_loss": math.nan}]
    assert "NaN" in save(tmp_path, log, 10).read_text()
    curves = curves_of(open_trace(tmp_path))
    assert (curves.total_steps, curves.steps_per_epoch, curves.nan_hidden) == (40, 10, True)
    assert math.isnan(curves.train.grad_norm[-1])
    assert math.isnan(curves.val[-1].loss)
    plan = read_trace(open_trace(tmp_path)).plan
    assert (plan["eval_steps"], plan["logging_steps"], plan["save_steps"]) == (10, 5, 10)
    assert "learning_rate" not in plan


def test_epochs_of_data_without_a_length_mean_nothing(tmp_path: Path) -> None:
    save(tmp_path, entries(5, 10), 10, num_train_epochs=2**63 - 1)
    assert curves_of(open_trace(tmp_path)).steps_per_epoch is None


def test_trl_columns(tmp_path: Path) -> None:
    log = [
        entries(5, num_tokens=500.0, mean_token_accuracy=0.5)[0],
        entries(10, num_tokens=1500.0, mean_token_accuracy=0.6)[0],
        # After a resume TRL counts from nought.
        entries(15, num_tokens=400.0, mean_token_accuracy=0.7)[0],
    ]
    save(tmp_path, log, 15)
    train = curves_of(open_trace(tmp_path)).train
    assert list(train.accuracy) == [0.5, 0.6, 0.7]
    assert list(train.tokens[:2]) == [100, 200]
    assert math.isnan(train.tokens[2])


def test_steps_that_come_twice_count_once_and_the_last_wins(tmp_path: Path) -> None:
    log = entries(5, 10, 15, loss=2.0) + entries(10, loss=1.5) + entries(15, loss=1.4) + entries(15, loss=1.3)
    save(tmp_path, log, 15)
    train = curves_of(open_trace(tmp_path)).train
    assert list(train.step) == [5, 10, 15]
    assert list(train.loss) == [2.0, 1.5, 1.3]


@pytest.mark.parametrize(
    ("names", "sets"),
    [
        (["eval_loss"], {"val"}),
        (["eval_val_loss", "eval_general_loss"], {"val", "general"}),
        (["eval_test_loss", "eval_train_probe_loss"], {"val", "train_probe"}),
        (["eval_a_loss", "eval_b_loss"], {"a", "b"}),
        (["eval_val_loss", "eval_b_loss"], {"val", "b"}),
    ],
)
def test_names_of_sets(tmp_path: Path, names: list[str], sets: set[str]) -> None:
    log = entries(5) + [{"step": 5, "epoch": 0.5, name: 1.0, name[:-4] + "runtime": 2.0} for name in names]
    save(tmp_path, log, 5)
    assert set(curves_of(open_trace(tmp_path)).evals) == sets


def test_a_metric_that_ends_in_loss_is_no_set(tmp_path: Path) -> None:
    save(tmp_path, [*entries(5), {"step": 5, "eval_loss": 1.0, "eval_kl_loss": 0.1, "eval_runtime": 1.0}], 5)
    assert set(curves_of(open_trace(tmp_path)).evals) == {"val"}


def test_a_torn_newest_checkpoint_is_passed_over(tmp_path: Path) -> None:
    save(tmp_path, entries(5, 10), 10)
    torn = save(tmp_path, entries(5, 10, 15, 20), 20)
    whole = torn.read_bytes()
    torn.write_bytes(whole[: len(whole) // 2])
    trace = open_trace(tmp_path)
    assert curves_of(trace).step == 10
    assert trace.bad_lines == 1
    torn.write_bytes(whole)
    assert curves_of(trace).step == 20
    assert trace.bad_lines == 0


def test_garbage_in_the_log_is_counted(tmp_path: Path) -> None:
    odd: list[Any] = [
        3,
        "x",
        {"loss": 1.0},
        {"step": "5"},
        {"step": -1},
        {"step": 5, "loss": [1], "epoch": None},
    ]
    save(tmp_path, [*odd, *entries(10)], 10)
    trace = open_trace(tmp_path)
    assert list(curves_of(trace).train.step) == [10]
    assert trace.bad_lines == 5


def test_another_run_in_the_same_place_is_told_from_the_start(tmp_path: Path) -> None:
    save(tmp_path, entries(5, 10), 10)
    trace = open_trace(tmp_path)
    assert curves_of(trace).step == 10
    save(tmp_path, entries(5, 10, 15, loss=3.0), 10)
    history, restarts = History(), trace.restarts
    for event in trace.poll():
        history.fold(event)
    assert trace.restarts == restarts + 1
    assert list(history.train.loss) == [3.0, 3.0, 3.0]


def test_files_that_may_be_named(tmp_path: Path) -> None:
    path = save(tmp_path, entries(5, 10), 10)
    ended = tmp_path / "trainer_state.json"
    ended.write_text(json.dumps(state(entries(5, 10, 40), 40)))
    assert curves_of(open_trace(path)).step == 10
    assert curves_of(open_trace(path.parent)).step == 10
    assert curves_of(open_trace(ended)).step == 40
    assert curves_of(open_trace(tmp_path)).step == 40
    # The run went on after it had ended once.
    save(tmp_path, entries(5, 10, 40, 50), 50, total=80)
    assert curves_of(open_trace(tmp_path)).step == 50
    copy = tmp_path / "other.json"
    copy.write_text("[]")
    assert trainer_state.find(copy) is None
