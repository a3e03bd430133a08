"""Tables by step: which column is what, what was said of them, and tables that change."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from runner.foreign import trackio
from runner.foreign.names import columns, known, said
from runner.foreign.opening import open_trace, read_path
from runner.foreign.trace import TraceError, read_trace
from runner.store.history import History
from tests.foreign.conftest import curves_of
from tests.foreign.written import SCHEMA


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("Training Loss", "loss"),
        ("train/loss", "loss"),
        ("Validation Loss", "eval_loss"),
        ("val_acc", "eval_acc"),
        ("validation/perplexity", "eval_perplexity"),
        ("completions / mean_length", "completions/mean_length"),
        ("lr-AdamW", "learning_rate"),
        ("trainer/global_step", "step"),
        ("Iteration", "step"),
        ("reward", "reward"),
    ],
)
def test_known_names(name: str, ours: str) -> None:
    assert known(name) == ours


def test_of_several_losses_the_plainest_is_it() -> None:
    found = columns(["step", "train_loss_epoch", "train_loss_step", "train_loss"], {})
    assert found == {
        "step": "step",
        "train_loss_epoch": "train_loss_epoch",
        "train_loss_step": "train_loss_step",
        "train_loss": "loss",
    }


def test_what_is_said_counts_more_than_what_is_known() -> None:
    assert columns(["step", "n", "loss", "nll"], {"loss": "nll", "step": "n"}) == {
        "step": "other_step",
        "n": "step",
        "loss": "other_loss",
        "nll": "loss",
    }


@pytest.mark.parametrize("text", ["loss", "loss=", "=x", "los=x", "step:x"])
def test_what_says_nothing_is_two_lines(text: str) -> None:
    with pytest.raises(ValueError, match="--map") as caught:
        said(text)
    assert len(str(caught.value).splitlines()) == 2
    assert said("loss=a, step = b,eval_test_loss=c") == {"loss": "a", "step": "b", "eval_test_loss": "c"}


def test_a_table_without_steps_counts_rows(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("epoch,train_loss,val_loss,val_f1\n0,2.0,2.1,0.5\n1,1.0,1.3,0.6\n2,0.5,1.2,nan\n")
    curves = curves_of(open_trace(path))
    assert list(curves.train.step) == [1, 2, 3]
    assert [(p.step, p.loss) for p in curves.val] == [(1, 2.1), (2, 1.3), (3, 1.2)]
    assert list(curves.eval_metrics["val"]["f1"].value[:2]) == [0.5, 0.6]
    assert curves.steps_per_epoch is None


def test_a_table_that_gets_another_column_is_read_anew(tmp_path: Path) -> None:
    """Lightning writes the whole of metrics.csv again, into the same file, and longer."""
    path = tmp_path / "version_0" / "metrics.csv"
    path.parent.mkdir()
    path.write_text("epoch,step,train_loss\n0,49,2.0\n0,99,1.5\n")
    trace, history = open_trace(tmp_path), History()
    for event in trace.poll():
        history.fold(event)
    assert list(history.train.loss) == [2.0, 1.5]
    path.write_text("epoch,step,train_loss,val_loss\n0,49,2.0,\n0,99,1.5,\n0,99,,1.8\n1,149,1.2,\n")
    restarts, history = trace.restarts, History()
    for event in trace.poll():
        history.fold(event)
    assert trace.restarts == restarts + 1
    assert list(history.train.loss) == [2.0, 1.5, 1.2]
    assert [(p.step, p.loss) for p in history.curves().val] == [(99, 1.8)]


@pytest.mark.parametrize("text", ["a,b\n1,2\n", '{"messages": []}\n', "x\n1\n"])
def test_what_has_no_loss_says_what_it_has(tmp_path: Path, text: str) -> None:
    path = tmp_path / ("data.jsonl" if text.startswith("{") else "data.csv")
    path.write_text(text)
    with pytest.raises(TraceError, match="no loss under a known name; found: ") as caught:
        open_trace(path)
    assert len(str(caught.value).splitlines()) == 2


def test_data_in_a_folder_is_no_log(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"text": "a", "loss": 1}\n')
    with pytest.raises(TraceError, match="no trace"):
        open_trace(tmp_path)


def database(path: Path, rows: list[tuple[str, int, str]]) -> Path:
    with closing(sqlite3.connect(path)) as base, base:
        base.execute(f"{SCHEMA.replace('TABLE', 'TABLE IF NOT EXISTS')}")
        base.executemany(
            "INSERT INTO metrics (timestamp, run_name, step, metrics) VALUES ('2026-01-01T00:00:00', ?, ?, ?)",
            rows,
        )
    return path


def test_trackio_is_followed_and_the_newest_run_is_it(tmp_path: Path) -> None:
    old = [("first", k, f'{{"loss": {3 - k}}}') for k in range(3)]
    new = [("second", 5 * k, f'{{"train/loss": {2 / k}, "train/global_step": {10 * k}}}') for k in (1, 2)]
    path = database(tmp_path / "project.db", [*old, *new])
    trace, history = open_trace(path), History()
    assert (trace.name, trace.others) == ("second", ("first in project.db",))
    more = [
        ("second", 11, '{"eval/loss": 1.5, "eval/accuracy": 0.7, "train/global_step": 20}'),
        ("second", 12, '{"profiling/time": 3}'),
        ("second", 13, "torn {"),
        ("second", 14, '{"train/loss": "NaN", "train/reward": 0.25, "train/global_step": 30}'),
    ]
    for batch in ([], more):
        database(path, batch)
        for _ in range(2):
            for event in trace.poll():
                history.fold(event)
    curves = history.curves()
    assert list(curves.train.step) == [10, 20, 30]
    assert [(p.step, p.loss) for p in curves.val] == [(20, 1.5)]
    assert curves.eval_metrics["val"]["accuracy"].value[-1] == 0.7
    assert curves.metrics["reward"].value[-1] == 0.25
    assert (curves.nan_hidden, trace.bad_lines) == (True, 1)


def test_runs_of_one_name_are_two_and_arguments_make_the_plan(tmp_path: Path) -> None:
    """As trackio 0.43 makes it."""
    path = tmp_path / "project.db"
    with closing(sqlite3.connect(path)) as base, base:
        base.execute("PRAGMA journal_mode = WAL")
        base.execute(SCHEMA.replace("run_name TEXT", "run_id TEXT NOT NULL, run_name TEXT"))
        base.execute("CREATE TABLE configs (run_id TEXT, run_name TEXT, config TEXT, created_at TEXT)")
        base.execute(
            "INSERT INTO configs VALUES ('b', 'same', ?, '')", (b'{"max_steps":50,"learning_rate":0.0002}',)
        )
        rows = [("a", 1, 3.0), ("a", 2, 2.5), ("b", 1, 1.5), ("b", 2, 1.0), ("b", 3, 0.5)]
        base.executemany(
            "INSERT INTO metrics (timestamp, run_id, run_name, step, metrics) VALUES ('', ?, 'same', ?, ?)",
            [
                (run, step, f'{{"train/loss": {loss}, "train/global_step": {step}}}')
                for run, step, loss in rows
            ],
        )
    trace, history = read_path(path)
    assert list(history.train.loss) == [1.5, 1.0, 0.5]
    assert history.plan["total_steps"] == 50
    assert trace.others == ("same in project.db",)


def test_a_database_of_something_else_is_no_trace(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as base, base:
        base.execute("CREATE TABLE cookies (name TEXT)")
    (tmp_path / "spoilt.db").write_bytes(trackio.MAGIC + b"\xff" * 5000)
    assert trackio.find(tmp_path) is None
    path = database(tmp_path / "good.db", [("run", 1, '{"loss": 1.0}')])
    trace = open_trace(path)
    path.write_bytes(b"\0" * 100)
    assert read_trace(trace).step == 0


def test_a_rename_holds_for_every_kind_of_trace(tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    path.write_text("{'nll_loss': 2.5, 'epoch': 0.1}\n{'nll_loss': 2.0, 'epoch': 0.2}\n")
    with pytest.raises(TraceError, match="found: nll_loss"):
        read_path(path)
    assert list(read_path(path, {"loss": "nll_loss"})[1].train.loss) == [2.5, 2.0]
