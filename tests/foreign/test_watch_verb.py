"""`ftui watch PATH --plain` and `ftui diagnose` of what is waited for, of several runs, and of what does not grow."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.store import directory
from runner.store.events import EventLog
from tests.conftest import wait_for
from tests.foreign.conftest import ROOT
from tests.foreign.samples import SAMPLES
from tests.foreign.test_diagnose_verb import ftui
from tests.foreign.test_opening import aged, log
from tests.foreign.written import WRITERS, overfit

WATCH = [sys.executable, "-c", "from tui.cli import cli; cli()", "watch"]


class Watching:
    """`ftui watch PATH --plain` in a process of its own, and what it has said."""

    def __init__(self, path: Path, out: Path) -> None:
        self.out = out
        with out.open("wb") as stream:
            self.process = subprocess.Popen(
                [*WATCH, str(path), "--plain"],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )

    def said(self, words: str) -> bool:
        return words in self.out.read_text()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[tuple[Path, Watching]]:
    path = tmp_path / "empty.log"
    path.touch()
    watching = Watching(path, tmp_path / "said")
    yield path, watching
    watching.process.kill()
    watching.process.wait()


def test_an_empty_log_is_waited_for_and_followed_to_its_end(empty: tuple[Path, Watching]) -> None:
    path, watching = empty
    wait_for(lambda: watching.said(f"run {path}"), 30)
    whole = WRITERS["console log"](overfit(), path.parent).read_text().splitlines(keepends=True)
    with path.open("a") as stream:
        stream.writelines(whole)
        stream.flush()
        # It arises while the run goes on.
        wait_for(lambda: watching.said("step 300: OVERFITTING since step 100"), 30)
        assert watching.process.poll() is None
        stream.write("{'train_runtime': 5.0, 'epoch': 3.0}\n")
    assert watching.process.wait(30) == 0
    said = watching.out.read_text()
    assert "finished" in said
    assert said.count("step 300: OVERFITTING") == 1


def test_a_run_whose_trace_does_not_grow_is_lost(tmp_path: Path) -> None:
    path = log(tmp_path / "train.log", 3 * 3600)
    done = ftui("watch", str(path), "--plain")
    assert done.exit_code == 1, done.output
    assert "lost: nothing was written for 3 h" in done.output
    said = ftui("diagnose", str(path))
    assert "not known to be over, last written 3 h 0 min ago" in said.output


def test_a_finished_console_log_ends(tmp_path: Path) -> None:
    done = ftui("watch", str(SAMPLES / "finished-console.log"), "--plain")
    assert done.exit_code == 0, done.output
    assert "finished" in done.output


def test_of_several_runs_the_newest_is_taken_and_the_others_named(tmp_path: Path) -> None:
    old, new = log(tmp_path / "a" / "train.log", 5000), log(tmp_path / "b" / "train.log", 4000)
    said = ftui("diagnose", str(tmp_path)).output
    assert f"path       {new}" in said
    assert f"others     {old}: the newest run was read" in said
    assert json.loads(ftui("diagnose", str(tmp_path), "--json").output)["others"] == [str(old)]
    said = ftui("watch", str(tmp_path), "--plain").output
    assert f"run {new}\nnot shown, in the same place: {old}\n" in said


def test_on_a_terminal_it_is_asked_which(tmp_path: Path) -> None:
    for name, age in (("a", 5000), ("b", 4000)):
        aged(log(tmp_path / name / "train.log", text="{'loss': 1.0, 'epoch': 0.1}\n" * 2), age)
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        os.execv(sys.executable, [*WATCH, str(tmp_path), "--plain"])
    said = read_until(terminal, "Which run")
    assert said.index("b/train.log") < said.index("a/train.log")
    os.write(terminal, b"2\n")
    said = read_until(terminal, "lost:")
    assert f"run {tmp_path}/a/train.log" in said
    os.close(terminal)
    os.waitpid(child, 0)


def read_until(terminal: int, words: str, seconds: float = 30.0) -> str:
    """What a terminal shows, up to these words."""
    said, deadline = "", time.monotonic() + seconds
    while words not in said and time.monotonic() < deadline:
        try:
            said += os.read(terminal, 4096).decode(errors="replace")
        except OSError:
            break
    assert words in said, said
    return said


def test_columns_can_be_named() -> None:
    path = str(SAMPLES / "loop.jsonl")
    done = ftui("diagnose", path)
    assert done.exit_code == 2
    assert "no loss under a known name; found: iter, metrics/nll, lr." in done.output
    assert "more evaluation" not in done.output
    done = ftui("diagnose", path, "--map", "loss=metrics/nll,step=iter", "--json")
    assert json.loads(done.output)["step"] == 30
    done = ftui("diagnose", path, "--map", "los=x")
    assert done.exit_code == 2
    assert "--map los=x" in done.output
    assert ftui("watch", path, "--map", "los=x").exit_code == 1


def test_what_begins_in_mid_run_and_what_is_measured_is_said() -> None:
    said = ftui("diagnose", str(SAMPLES / "resumed-mid-run.log")).output
    assert "start      not seen: what is here begins at step 1650" in said
    said = ftui("diagnose", str(SAMPLES / "grpo-rewards.json")).output
    assert "reward     0.427 → 1.511, highest 1.544 at step 160" in said
    assert "also       reward_std" in said
    told = json.loads(ftui("diagnose", str(SAMPLES / "six-eval-sets.json"), "--json").output)
    assert told["eval_metrics"]["g0"]["accuracy"]["step"][-1] == 12030


def test_a_log_whose_only_evaluation_lies_after_its_resume(home: Path) -> None:
    run = directory.create(home, "mine")
    log = EventLog(run)
    log.append("step", step=10, loss=2.0)
    log.append("eval", set="val", step=10, loss=2.0)
    log.append("resume", step=5)
    log.close()
    for verb in ("diagnose", "show"):
        done = ftui(verb, run.id)
        assert done.exception is None, done.exception
        assert done.exit_code == 0
    assert "evals      none" in ftui("diagnose", run.id).output
