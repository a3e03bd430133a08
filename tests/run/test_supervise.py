"""The supervisor on real processes: every end of a trainer leaves a state with a reason."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

from runner.preset import files
from runner.store import life, locks, processes, requests, summary
from runner.store.directory import RunDirectory, read_json
from runner.store.events import Phase
from runner.store.history import read_history
from runner.store.requests import Request
from runner.supervision.launch import make_run
from runner.supervision.start import start_supervisor
from tests.conftest import wait_for
from tests.run.conftest import Scripted


def event(**fields: Any) -> str:
    return "event " + json.dumps(fields)


def step(number: int) -> str:
    return event(type="step", step=number, epoch=0.1, loss=1.5, lr=1e-4, grad_norm=1.0, tokens=10, step_s=0.1)


def running(run: RunDirectory) -> dict[str, Any]:
    """The state of a run once its trainer is known."""
    wait_for(lambda: read_json(run.state).get("trainer_pid"), 30, "the trainer starts")
    return read_json(run.state)


def over(run: RunDirectory) -> dict[str, Any]:
    """The state of a run once its supervisor is gone, and has told what it had to."""
    wait_for(lambda: not life.is_alive(run), 30, "the run ends")
    wait_for(lambda: not processes.workers_on(run.path), 30, "the supervisor ends")
    return summary.read_state(run)


def test_a_run_that_says_its_end_is_left_as_it_said(scripted: Scripted) -> None:
    state = over(scripted(step(1), step(2), event(type="end", status="finished", reason="")))
    assert (state["phase"], state["step"]) == ("finished", 2)


@pytest.mark.parametrize(
    ("last", "words"),
    [
        ("exit 0", "exit code 0"),
        ("exit 7", "exit code 7"),
        ("kill 9", "SIGKILL"),
        ("kill 11", "SIGSEGV"),
    ],
)
def test_a_trainer_that_goes_without_a_word_is_a_failure(scripted: Scripted, last: str, words: str) -> None:
    run = scripted(step(1), step(2), "print out of luck", last)
    state = over(run)
    assert state["phase"] == "failed"
    assert words in state["reason"]
    history = read_history(run)
    assert list(history.train.step) == [1, 2]
    assert "out of luck" in history.error["hint"]


def test_a_line_torn_by_death_costs_only_itself(scripted: Scripted) -> None:
    run = scripted(step(1), 'torn {"type":"step","step":2,"lo', "kill 9")
    assert over(run)["phase"] == "failed"
    history = read_history(run)
    assert list(history.train.step) == [1]
    assert history.end["status"] == "failed"


def test_stop_lets_the_trainer_save(scripted: Scripted) -> None:
    run = scripted("until-stop")
    wait_for(lambda: len(read_history(run).train) > 3)
    requests.ask(run, Request.STOP)
    state = over(run)
    history = read_history(run)
    assert state["phase"] == "stopped"
    assert history.checkpoints == [len(history.train)]


def test_stop_now_does_not_wait(scripted: Scripted) -> None:
    run = scripted(step(1), "sleep 600")
    wait_for(lambda: len(read_history(run).train))
    requests.ask(run, Request.STOP_NOW)
    state = over(run)
    assert state["phase"] == "stopped"
    assert "at once" in state["reason"]


def test_a_terminated_supervisor_lets_the_trainer_save(scripted: Scripted) -> None:
    run = scripted("until-stop")
    wait_for(lambda: read_json(run.state).get("trainer_pid"))
    wait_for(lambda: len(read_history(run).train) > 3)
    os.kill(read_json(run.state)["supervisor_pid"], signal.SIGTERM)
    assert over(run)["phase"] == "stopped"


def test_hangup_touches_neither_supervisor_nor_trainer(scripted: Scripted) -> None:
    run = scripted("until-stop")
    state = running(run)
    for key in ("supervisor_pid", "trainer_pid"):
        os.kill(state[key], signal.SIGHUP)
    before = len(read_history(run).train)
    wait_for(lambda: len(read_history(run).train) > before + 10, what="it trains on")
    requests.ask(run, Request.STOP)
    assert over(run)["phase"] == "stopped"


def test_a_run_is_detached(scripted: Scripted) -> None:
    run = scripted("until-stop")
    state = running(run)
    supervisor = psutil.Process(state["supervisor_pid"])
    assert os.getsid(supervisor.pid) == supervisor.pid
    assert Path(f"/proc/{supervisor.pid}/fd/0").readlink() == Path("/dev/null")
    assert supervisor.terminal() is None
    assert locks.is_held(run.lock)
    requests.ask(run, Request.STOP)
    over(run)


def test_a_run_without_processes_is_lost(scripted: Scripted) -> None:
    run = scripted("until-stop")
    state = running(run)
    for key in ("supervisor_pid", "trainer_pid"):
        os.kill(state[key], signal.SIGKILL)
    wait_for(lambda: not life.is_alive(run))
    found = summary.read_state(run)
    assert found["phase"] == Phase.LOST
    assert "processes are gone" in found["reason"]


def test_a_run_whose_supervisor_died_still_lives_in_its_trainer(scripted: Scripted) -> None:
    run = scripted("until-stop")
    state = running(run)
    os.kill(state["supervisor_pid"], signal.SIGKILL)
    wait_for(lambda: not locks.is_held(run.lock))
    before = len(read_history(run).train)
    wait_for(lambda: len(read_history(run).train) > before + 5)
    assert life.is_alive(run)
    requests.ask(run, Request.STOP)
    wait_for(lambda: read_history(run).end)


def test_the_run_directory_is_for_its_owner_only(scripted: Scripted) -> None:
    run = scripted(event(type="end", status="finished"))
    over(run)
    assert run.path.stat().st_mode & 0o077 == 0
    assert run.path.parent.stat().st_mode & 0o077 == 0
    for path in (run.events, run.system, run.lock):
        assert path.stat().st_mode & 0o077 == 0


def test_a_trainer_that_cannot_be_started_is_a_failure_with_its_reason(
    home: Path, scripted: Scripted
) -> None:
    run = make_run(files.load("demo", home), home, "demo", None, "tests.run.scripted_trainer")
    run.trainer_lock.mkdir()
    start_supervisor(run)
    state = over(run)
    assert state["phase"] == Phase.FAILED
    assert "could not be started" in state["reason"]
    assert "trainer.lock" in state["reason"]
    assert read_history(run).end["status"] == "failed"
