"""Processes that stand still, and clocks that are put back: told from a run that works, and gone on from."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from runner.store import life, requests
from runner.store.directory import RunDirectory
from runner.store.events import Phase
from runner.store.history import read_history
from runner.store.requests import Request
from runner.supervision import launch
from tests.conftest import wait_for
from tests.faults import impatient
from tests.faults.scene import (
    Scene,
    finished,
    ftui,
    goes_on,
    kept,
    kill,
    nothing_lost,
    over,
    processes,
    shown,
    state_of,
)
from tests.faults.trainer import TOTAL
from tui.services.run_reader import read_row

STALLED = "died or stalled"
HOUR = 3600


@pytest.fixture
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Supervisors that call two seconds silence."""
    monkeypatch.setattr(launch, "start_supervisor", impatient.start)


def is_called_stalled(run: RunDirectory) -> None:
    wait_for(lambda: read_row(run).verdict == STALLED, 20, "the silence is noticed")
    state = state_of(run)
    assert (state["phase"], state["severity"], state["headline"]) == (
        "training",
        4,
        f"DIED OR STALLED since step {state['step']}",
    )


def finishes(run: RunDirectory) -> None:
    finished(run)
    assert read_row(run).verdict != STALLED


@pytest.mark.usefixtures("impatience")
@pytest.mark.fault(
    "SIGSTOP of the trainer, later SIGCONT", "stalled, and said so; then it goes on as if nothing was"
)
def test_a_trainer_that_stands_still(scene: Scene) -> None:
    run = scene.start("training")
    before, trainer = kept(run), processes(run)["trainer_pid"]
    kill(trainer, signal.SIGSTOP)
    scene.release()
    is_called_stalled(run)
    assert read_history(run).step == 6
    kill(trainer, signal.SIGCONT)
    finishes(run)
    nothing_lost(run, *before)


@pytest.mark.usefixtures("impatience")
@pytest.mark.fault(
    "SIGSTOP of the trainer, then `ftui stop --now`", "stopped at once; goes on from its checkpoint"
)
def test_a_still_trainer_is_ended(scene: Scene) -> None:
    run = scene.start("training")
    before = kept(run)
    kill(processes(run)["trainer_pid"], signal.SIGSTOP)
    is_called_stalled(run)
    ftui("stop", run.id, "--now")
    over(run)
    found = shown(run)
    assert found.phase is Phase.STOPPED
    assert "stopped at once; steps after the last checkpoint are lost" in found.reason
    nothing_lost(run, *before)
    scene.release()
    goes_on(run, 4)
    nothing_lost(run, *before)


@pytest.mark.fault(
    "SIGSTOP of the supervisor, later SIGCONT", "the trainer goes on; `ftui show` keeps up; then all do"
)
def test_a_supervisor_that_stands_still(scene: Scene) -> None:
    run = scene.start("training")
    before, supervisor = kept(run), processes(run)["supervisor_pid"]
    kill(supervisor, signal.SIGSTOP)
    scene.release()
    wait_for(lambda: read_history(run).end, 20, "the trainer ends")
    assert life.is_alive(run)
    assert f"step       {TOTAL}/{TOTAL}" in ftui("show", run.id)
    assert "finished" in ftui("watch", run.id, "--plain")
    kill(supervisor, signal.SIGCONT)
    finishes(run)
    nothing_lost(run, *before)


@pytest.mark.fault(
    "SIGSTOP of the supervisor, `ftui stop`, SIGCONT", "the trainer obeys alone; stopped, with a checkpoint"
)
def test_a_stop_under_a_still_supervisor(scene: Scene) -> None:
    run = scene.start("training")
    before, supervisor = kept(run), processes(run)["supervisor_pid"]
    kill(supervisor, signal.SIGSTOP)
    ftui("stop", run.id)
    scene.release()
    wait_for(lambda: read_history(run).end, 20, "the trainer ends")
    kill(supervisor, signal.SIGCONT)
    over(run)
    found = shown(run)
    assert (found.phase, found.reason) == (Phase.STOPPED, "stopped after step 7")
    nothing_lost(run, *before)
    goes_on(run, 7)
    nothing_lost(run, *before)


@pytest.mark.usefixtures("impatience")
@pytest.mark.fault(
    "SIGKILL of the supervisor just before the trainer's end", "the end the trainer wrote counts"
)
def test_nobody_read_the_end(scene: Scene) -> None:
    run = scene.start("training")
    before, supervisor = kept(run), processes(run)["supervisor_pid"]
    kill(supervisor, signal.SIGSTOP)
    scene.release()
    wait_for(lambda: read_history(run).end, 20, "the trainer ends")
    kill(supervisor, signal.SIGKILL)
    over(run)
    assert state_of(run)["phase"] != "finished"
    found = shown(run)
    assert (found.phase, found.reason, found.step) == (Phase.FINISHED, "", TOTAL)
    assert f"{run.id} is over already: finished" in ftui("stop", run.id)
    nothing_lost(run, *before)


# Clocks


@pytest.mark.usefixtures("impatience")
@pytest.mark.parametrize("hours", [-1, 1])
@pytest.mark.fault(
    "the trainer's clock jumps {hours:+d} h in mid-run", "nothing is called stalled; all steps in order"
)
def test_a_clock_that_jumps(scene: Scene, hours: int) -> None:
    run = scene.start(clock=f"6 {HOUR * hours}", pace="0.1")
    seen = set()
    while life.is_alive(run):
        seen.add(read_row(run).verdict)
        time.sleep(0.1)
    assert STALLED not in seen
    times = read_history(run).train.time
    assert abs(float(times[5] - times[4]) - HOUR * hours) < 60
    finishes(run)
    nothing_lost(run, {step: round(2 * 0.97**step, 5) for step in range(1, TOTAL + 1)}, kept(run)[1])
    assert max(kept(run)[1]) == TOTAL


@pytest.mark.usefixtures("impatience")
@pytest.mark.fault(
    "the machine's clock is put back an hour, then SIGSTOP of the trainer", "the stall is noticed"
)
def test_a_stall_under_a_clock_that_was_put_back(scene: Scene) -> None:
    run = scene.start("training", clock=f"1 {HOUR}")
    before, trainer = kept(run), processes(run)["trainer_pid"]
    # What was written before lies in the future now.
    later = time.time() + HOUR
    for path in (run.events, run.console, run.state):
        os.utime(path, (later, later))
    kill(trainer, signal.SIGSTOP)
    is_called_stalled(run)
    kill(trainer, signal.SIGCONT)
    scene.release()
    finishes(run)
    nothing_lost(run, *before)


@pytest.mark.fault(
    "every file of a run was written next year", "it is shown, stopped and gone on with as any other"
)
def test_files_of_the_future(scene: Scene) -> None:
    run = scene.start("training")
    before = kept(run)
    later = time.time() + 365 * 24 * HOUR
    paths: list[Path] = [path for path in run.path.rglob("*") if path.is_file()]
    for path in paths:
        os.utime(path, (later, later))
    requests.ask(run, Request.STOP)
    scene.release()
    over(run)
    found = shown(run)
    assert (found.phase, found.reason) == (Phase.STOPPED, "stopped after step 7")
    goes_on(run, 7)
    nothing_lost(run, *before)
