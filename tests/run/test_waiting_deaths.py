"""Death of every process of a run that waits: it keeps its place, and no other run waits longer for it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest

from runner import gpu
from runner.commands import queued, resume
from runner.queue import lease, tickets
from runner.store import life, locks, lost, requests, summary
from runner.store.directory import read_json
from runner.store.errors import LaunchError
from runner.store.events import Phase
from runner.store.requests import Request
from tests.conftest import wait_for
from tests.run.queued import Scene, looked, over, pid, says, span, stop, trains


@pytest.mark.parametrize(
    ("number", "again"), [(signal.SIGKILL, "start"), (signal.SIGTERM, "resume")], ids=["kill", "terminate"]
)
def test_who_waits_for_a_run_is_gone(scene: Scene, number: int, again: str) -> None:
    first = scene.add("until-stop")
    trains(first)
    forsaken, last = scene.add(), scene.add()
    says(last, "it comes after", forsaken.id)
    os.kill(pid(forsaken), number)
    wait_for(lambda: not life.is_alive(forsaken), 10)
    state = summary.read_state(forsaken)
    assert (state["phase"], state["reason"]) == (Phase.LOST, lost.NO_WAITER)
    assert [one.is_alive for one in tickets.waiting(scene.home)] == [False, True]
    says(last, first.id)
    if again == "start":
        assert queued.wait_again(scene.home, last) == []
        assert queued.wait_again(scene.home) == [forsaken]
        assert queued.wait_again(scene.home) == []
    else:
        assert resume.resume(forsaken).checkpoint is None
        with pytest.raises(LaunchError, match="is running"):
            resume.resume(forsaken)
    says(last, "it comes after", forsaken.id)
    assert summary.read_state(forsaken)["phase"] == Phase.QUEUED
    stop(first)
    over(last, "finished")
    over(forsaken, "finished")
    assert span(forsaken)[1] <= span(last)[0]


def test_a_run_nobody_waits_for_is_passed(scene: Scene) -> None:
    first = scene.add("until-stop")
    trains(first)
    forsaken, last = scene.add(), scene.add()
    says(forsaken, first.id)
    os.kill(pid(forsaken), signal.SIGKILL)
    stop(first)
    over(last, "finished")
    assert tickets.read_ticket(forsaken) is not None
    assert summary.read_state(forsaken)["phase"] == Phase.LOST


def test_who_waits_is_detached_and_a_hangup_is_nothing_to_it(scene: Scene) -> None:
    first = scene.add("until-stop")
    trains(first)
    run = scene.add()
    says(run, first.id)
    before = pid(run)
    assert os.getsid(before) == before
    assert Path(f"/proc/{before}/fd/0").readlink() == Path("/dev/null")
    os.kill(before, signal.SIGHUP)
    stop(first)
    over(run, "finished")
    assert pid(run) == before


def test_a_trainer_without_a_supervisor_keeps_its_gpu(scene: Scene) -> None:
    first = scene.add("until-stop")
    state = trains(first)
    second = scene.add()
    says(second, first.id)
    os.kill(state["supervisor_pid"], signal.SIGKILL)
    wait_for(lambda: not locks.is_held(first.lock), 10)
    looked(second)
    says(second, f"the CPU has {first.id} on it")
    assert psutil.pid_exists(state["trainer_pid"])
    requests.ask(first, Request.STOP)
    over(second, "finished")
    assert span(first)[1] <= span(second)[0]


def test_a_run_of_which_nothing_lives_keeps_nobody_waiting(scene: Scene) -> None:
    first = scene.add("until-stop")
    state = trains(first)
    second = scene.add()
    says(second, first.id)
    for key in ("supervisor_pid", "trainer_pid"):
        os.kill(state[key], signal.SIGKILL)
    over(second, "finished")
    assert summary.read_state(first)["phase"] == Phase.LOST
    assert not tickets.is_queued(first)


def test_a_disk_that_takes_nothing_ends_no_waiting(scene: Scene) -> None:
    """The run before has filled it, say: its turn comes when it can be written down."""
    first = scene.add("until-stop")
    trains(first)
    run = scene.add()
    says(run, first.id)
    process = psutil.Process(pid(run))
    _, hard = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (0, hard))
    stop(first)
    # It took the lease, which it could empty and not sign, and goes on looking.
    wait_for(lambda: lease.holder(gpu.CPU) == "", 20)
    looked(run)
    assert tickets.is_queued(run)
    # Its words, too, could not be written.
    says(run, first.id)
    assert "started_at" not in read_json(run.run)
    process.rlimit(psutil.RLIMIT_FSIZE, (hard, hard))
    over(run, "finished")
