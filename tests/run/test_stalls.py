"""A real trainer that goes silent: stopped, or hanging, and where."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from runner.store import requests
from runner.store.directory import RunDirectory, read_json
from runner.store.requests import Request
from runner.supervision import stalls
from tests.conftest import wait_for
from tests.run.conftest import Scripted
from tests.run.scenes import phase, plan, scripted_lines, step
from tests.run.test_supervise import over, running
from tui.services.run_reader import RunDirectoryReader

STACK = """\
Thread 0x00007f1 (most recent call first):
  File "/usr/lib/python3.11/threading.py", line 324 in wait

Current thread 0x00007f2 (most recent call first):
  File "/home/u/loader.py", line 42 in fetch
  File "/home/u/my train.py", line 7 in <module>
"""


def test_the_place_is_that_of_the_main_thread() -> None:
    assert stalls.innermost(STACK) == "fetch (loader.py:42), called by <module> (my train.py:7)"
    assert stalls.innermost("") == ""
    assert stalls.innermost("Current thread 0x1 (most recent call first):\n<no Python frame>\n") == ""


def silent(run: RunDirectory) -> int:
    """The process of a trainer that sleeps after its last step."""
    pid = int(running(run)["trainer_pid"])
    wait_for(lambda: read_json(run.state).get("step") == 3)
    return pid


def test_a_hanging_trainer_says_where(scripted: Scripted) -> None:
    run = scripted("stacks", *scripted_lines(phase("training"), plan(), *map(step, (1, 2, 3))), "sleep 600")
    pid = silent(run)
    why = stalls.why_silent(pid, run.path)
    assert "hangs in main (scripted_trainer.py:" in why
    written = (run.path / stalls.STACK).read_text()
    assert "Current thread" in written
    # A second look gives the second stack alone.
    assert stalls.dump(pid, run.path / stalls.STACK).count("Current thread") == 1
    assert psutil.pid_exists(pid)


def test_a_process_that_does_not_listen_is_left_alone(scripted: Scripted) -> None:
    run = scripted(*scripted_lines(phase("training"), plan(), *map(step, (1, 2, 3))), "sleep 600")
    pid = silent(run)
    assert stalls.why_silent(pid, run.path) == ""
    time.sleep(0.2)
    assert psutil.Process(pid).is_running()


def test_somebody_elses_process_is_not_asked(tmp_path: Path) -> None:
    assert stalls.why_silent(os.getpid(), tmp_path) == ""
    assert stalls.why_silent(2**22 - 3, tmp_path) == ""


def test_a_stopped_trainer_is_told_as_such_and_goes_on(
    scripted: Scripted, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the supervisor's judgement to what the screen says; SIGCONT ends it."""
    run = scripted("until-stop")
    pid = int(running(run)["trainer_pid"])
    wait_for(lambda: (read_json(run.state).get("step") or 0) > 20)
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: read_json(run.state).get("silent_since"), 30, "a stall is told")
    state = read_json(run.state)
    assert state["verdict"] == "died or stalled"
    assert f"kill -CONT {pid}" in state["silent_because"]
    monkeypatch.setattr("runner.insight.diagnosis.operating_conditions.SILENT_SECONDS", 2.0)
    view = RunDirectoryReader(run).poll()
    assert view is not None
    assert "stopped by a signal" in view.verdict.sentence
    os.kill(pid, signal.SIGCONT)
    wait_for(lambda: not read_json(run.state).get("silent_since"), 30, "it goes on")
    requests.ask(run, Request.STOP)
    assert over(run)["phase"] == "stopped"
