"""W&B runs through the program `wandb`; here a stub of it that replays what the real one said (record_wandb.py)."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from runner.foreign import wandb
from runner.foreign.opening import open_trace, read_path
from runner.foreign.trace import Trace, TraceError
from runner.store.history import History
from tests.conftest import wait_for
from tests.foreign.conftest import RECORDED

Stub = Callable[[str], None]


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stub:
    """Puts a shell script in the place of `wandb`."""

    def make(script: str) -> None:
        path = tmp_path / "bin" / "wandb"
        path.parent.mkdir(exist_ok=True)
        path.write_text("#!/bin/sh\n" + script)
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")

    return make


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """An output directory with an offline run in it."""
    folder = tmp_path / "out" / "wandb" / "offline-run-20261124_100000-abc"
    folder.mkdir(parents=True)
    (folder / "run-abc.wandb").write_bytes(b":W&B")
    return tmp_path / "out"


def test_the_recorded_run(run: Path, stub: Stub) -> None:
    stub(f'echo "$@" > {run}/arguments; exec cat {RECORDED}/inspect.jsonl\n')
    trace, history = read_path(run)
    assert (trace.kind, trace.bad_lines, trace.restarts) == ("W&B offline", 0, 0)
    arguments = (run / "arguments").read_text().split()
    assert arguments[:3] == ["leet", "inspect", "--json"]
    assert arguments[3].endswith("run-abc.wandb")
    curves = history.curves()
    assert (curves.step, curves.total_steps, curves.steps_per_epoch, curves.is_over) == (180, 180, 6, True)
    assert len(curves.train) == 90
    assert [point.n for point in curves.val] == [32] * 15
    assert curves.schedule is not None
    assert (curves.schedule.kind, curves.schedule.peak) == ("cosine", 6e-3)


def test_it_is_followed_and_ended(run: Path, stub: Stub, tmp_path: Path) -> None:
    """The stub prints half a line, waits to be told, and goes on for ever, as the real one does."""
    go = tmp_path / "go"
    half = RECORDED / "inspect.jsonl"
    stub(
        f"head -c 20000 {half}\n"
        f"while [ ! -e {go} ]; do sleep 0.05; done\n"
        f"tail -c +20001 {half}\n"
        f"echo $$ > {tmp_path}/pid\n"
        "sleep 1000\n"
    )
    history = History()

    def follow(trace: Trace, until: Callable[[], bool]) -> bool:
        for event in trace.poll():
            history.fold(event)
        return until()

    with closing(open_trace(run)) as trace:
        wait_for(lambda: follow(trace, lambda: history.step > 10), 20)
        assert history.step < 180
        assert not trace.is_busy
        go.touch()
        wait_for(lambda: follow(trace, lambda: history.phase.is_over), 20)
        pid = int(wait_for((tmp_path / "pid").read_text, 20))
    assert (trace.restarts, trace.bad_lines, history.resumed_at) == (0, 0, [])
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_garbage_is_counted(run: Path, stub: Stub) -> None:
    stub('echo nonsense; echo \'[1]\'; echo \'{"type":"history","history":3}\'\nexit 0\n')
    trace, history = read_path(run)
    assert trace.bad_lines == 2
    assert history.step == 0


def test_what_the_program_says_is_told(run: Path, stub: Stub) -> None:
    stub("echo 'usage' >&2; echo 'Error: No such command leet.' >&2; exit 2\n")
    with pytest.raises(TraceError, match="No such command leet") as caught:
        read_path(run)
    assert len(str(caught.value).splitlines()) == 2


def test_a_program_that_says_nothing_is_not_waited_for(
    run: Path, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wandb, "SILENT_SECONDS", 0.2)
    stub("sleep 1000\n")
    assert read_path(run)[1].step == 0


def test_what_was_read_before_damage_is_kept(run: Path, stub: Stub) -> None:
    stub(f"head -n 20 {RECORDED}/inspect.jsonl; echo 'Error: bad block' >&2; exit 1\n")
    trace, history = read_path(run)
    assert history.step > 0
    assert trace.bad_lines == 1


def test_without_the_program_it_says_what_to_install(
    run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(TraceError, match=r"pip install 'wandb>=0\.31'"):
        open_trace(run)


def test_the_program_is_found_beside_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert wandb.program() is None
    (tmp_path / "wandb").touch(mode=0o755)
    assert wandb.program() == str(tmp_path / "wandb")


@pytest.mark.skipif(shutil.which("wandb") is None, reason="wandb is not installed")
def test_the_real_program_refuses_what_is_no_run(run: Path) -> None:
    for path in run.glob("wandb/*/*.wandb"):
        path.write_bytes(b"garbage" * 10)
    with pytest.raises(TraceError, match="could not read it"):
        read_path(run)
