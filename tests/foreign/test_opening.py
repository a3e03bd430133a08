"""What is found at a path: in a folder, below it, above it, and which of several."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from runner.foreign import opening
from runner.foreign.opening import READERS, open_trace, read_path, runs_in
from runner.foreign.trace import TraceError
from runner.store.history import History
from tests.foreign.samples import SAMPLES
from tests.foreign.test_tensorboard import Writer
from tests.foreign.test_tensorboard import step as tb_step
from tests.foreign.test_trainer_state import entries, save

ENTRY = "{'loss': 1.0, 'epoch': 0.1}\n"


def aged(path: Path, seconds: float) -> Path:
    """Written so many seconds ago."""
    then = time.time() - seconds
    os.utime(path, (then, then))
    return path


def log(path: Path, seconds: float = 0.0, text: str = ENTRY) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return aged(path, seconds)


def test_what_is_looked_for_is_what_can_be_found() -> None:
    assert len({reader.find for reader in READERS}) == len(READERS)
    assert all(reader.looks_for in opening.LOOKED_FOR for reader in READERS)


def test_the_newest_run_below_is_opened_and_the_others_named(tmp_path: Path) -> None:
    old = log(tmp_path / "experiments" / "a" / "train.log", 500)
    new = log(tmp_path / "experiments" / "b" / "train.log", 50)
    deep = log(tmp_path / "x" / "y" / "z" / "train.log", 5000)
    log(tmp_path / "v" / "w" / "x" / "y" / "train.log")
    log(tmp_path / "node_modules" / "train.log")
    log(tmp_path / ".cache" / "train.log")
    trace = open_trace(tmp_path)
    assert trace.path == new
    assert trace.others == (str(old), str(deep))
    assert runs_in(tmp_path) == [new, old, deep]


def test_a_run_right_there_wins_over_those_below(tmp_path: Path) -> None:
    log(tmp_path / "below" / "train.log")
    here = log(tmp_path / "train.log", 5000)
    assert open_trace(tmp_path).path == here
    assert runs_in(tmp_path) == [tmp_path]


def test_several_logs_in_one_folder_are_several_runs(tmp_path: Path) -> None:
    old, new = log(tmp_path / "a.log", 100), log(tmp_path / "b.out")
    (tmp_path / "notes.txt").write_text("nothing of a run\n")
    trace = open_trace(tmp_path)
    assert (trace.path, trace.others) == (new, (str(old),))
    assert runs_in(tmp_path) == [new, old]


def test_the_newest_log_counts_whatever_its_kind(tmp_path: Path) -> None:
    log(tmp_path / "old.log", 100, (SAMPLES / "torchtune.txt").read_text())
    log(tmp_path / "new.log")
    assert open_trace(tmp_path).kind == "console log"
    aged(tmp_path / "new.log", 200)
    assert open_trace(tmp_path).kind == "torchtune log"


@pytest.mark.parametrize("inner", ["checkpoint-10", "logs", "runs", "logs/version_0"])
def test_from_a_part_of_a_run_its_directory_is_found(tmp_path: Path, inner: str) -> None:
    save(tmp_path / "out", entries(5, 10), 10)
    place = tmp_path / "out" / inner
    place.mkdir(parents=True, exist_ok=True)
    assert read_path(place)[1].step == 10


def test_a_folder_that_is_no_part_of_a_run_does_not_lead_up(tmp_path: Path) -> None:
    log(tmp_path / "train.log")
    (tmp_path / "pictures").mkdir()
    with pytest.raises(TraceError, match="no trace of a training run in it"):
        open_trace(tmp_path / "pictures")


def test_the_search_below_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "MOST_FOLDERS", 3)
    for number in range(6):
        (tmp_path / f"f{number}").mkdir()
        aged(tmp_path / f"f{number}", number)
    log(tmp_path / "f5" / "train.log")
    aged(tmp_path / "f5", 5)
    with pytest.raises(TraceError):
        open_trace(tmp_path)
    aged(tmp_path / "f5", -5)
    assert open_trace(tmp_path).kind == "console log"


def test_a_pipe_is_no_log(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "train.log")
    os.mkfifo(tmp_path / "metrics.csv")
    os.mkfifo(tmp_path / "project.db")
    with pytest.raises(TraceError):
        open_trace(tmp_path)
    for name in ("train.log", "metrics.csv", "project.db"):
        with pytest.raises(TraceError):
            open_trace(tmp_path / name, follow=False)


@pytest.mark.parametrize("given", ["out", "out/wandb", "out/wandb/latest-run"])
def test_the_log_of_a_wandb_run_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    """Where the program that reads its own format is not installed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    run = tmp_path / "out" / "wandb" / "run-20261124_100000-abc"
    log(run / "files" / "output.log")
    (run / "run-abc.wandb").write_bytes(b":W&B")
    (tmp_path / "out" / "wandb" / "latest-run").symlink_to(run.name)
    assert open_trace(tmp_path / given).kind == "console log"


def writer(folder: Path, name: str, steps: list[int], began: int) -> None:
    made = Writer(folder / "runs" / name)
    for number in steps:
        tb_step(made, number)
    made.writer.close()
    made.path.rename(made.path.with_name(f"events.out.tfevents.{began}.host.1.0"))


def test_a_second_run_in_a_folder_is_not_stitched_to_the_first(tmp_path: Path) -> None:
    writer(tmp_path, "Nov1", [1, 2, 3, 4], 100)
    writer(tmp_path, "Nov2", [10, 20, 30], 200)
    trace, history = read_path(tmp_path)
    assert list(history.train.step) == [10, 20, 30]
    assert trace.others == (str(tmp_path / "runs" / "Nov1"),)
    assert runs_in(tmp_path) == [tmp_path / "runs" / "Nov2", tmp_path / "runs" / "Nov1"]
    assert list(read_path(tmp_path / "runs" / "Nov1")[1].train.step) == [1, 2, 3, 4]


def test_a_resume_in_a_folder_of_its_own_is_the_same_run(tmp_path: Path) -> None:
    writer(tmp_path, "Nov1", [10, 20, 30, 40], 100)
    writer(tmp_path, "Nov2", [30, 40, 50], 200)
    trace, history = read_path(tmp_path)
    assert list(history.train.step) == [10, 20, 30, 40, 50]
    assert (trace.others, history.resumed_at) == ((), [29])


def test_a_log_whose_kind_shows_later_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    path.write_text("Loading the model …\n")
    with pytest.raises(TraceError, match="yet"):
        open_trace(path, follow=False)
    trace, history = open_trace(path), History()
    assert trace.poll() == []
    with path.open("a") as stream:
        stream.write((SAMPLES / "mlx-lm.log").read_text())
    for event in trace.poll():
        history.fold(event)
    assert (trace.kind, history.step) == ("mlx-lm log", 40)
    aged(path, 10_000)
    path.write_text("Nothing but words.\n")
    aged(path, 10_000)
    with pytest.raises(TraceError, match="no trace"):
        open_trace(path)


def test_a_trace_that_does_not_grow_any_more(tmp_path: Path) -> None:
    path = log(tmp_path / "train.log")
    trace, history = read_path(path)
    now = time.time()
    assert trace.silence(now, history) is None
    # Nothing is known of its intervals: an hour.
    aged(path, 3500)
    assert trace.silence(now, history) is None
    aged(path, 4000)
    assert trace.silence(now, history) == pytest.approx(4000, abs=5)
    # It took half an hour from log to log so far: twenty of them.
    aged(path, 2200)
    assert trace.silence(now, history) is None
    assert trace.silence(now + 8 * 3600, history) is None
    assert trace.silence(now + 12 * 3600, history) is not None


def test_a_run_that_said_it_is_over_is_not_silent(tmp_path: Path) -> None:
    path = log(tmp_path / "train.log", text=ENTRY + "{'train_runtime': 5.0, 'epoch': 0.1}\n")
    trace, history = read_path(aged(path, 10**6))
    assert history.phase.is_over
    assert trace.silence(time.time(), history) is None
