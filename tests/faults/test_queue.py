"""Runs that wait for their GPU: whichever process dies, no run waits in vain and none shares a GPU unasked."""

from __future__ import annotations

import pytest

from runner.commands import enqueue
from runner.preset import files
from runner.store import locks, lost
from runner.store.directory import RunDirectory
from runner.store.events import Phase
from runner.store.history import read_history
from tests.conftest import wait_for
from tests.faults.scene import (
    TRAINER,
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
from tui.services.run_reader import read_row


def add(scene: Scene) -> RunDirectory:
    """Put a run into the queue of the CPU."""
    return enqueue.enqueue(files.load("demo", scene.home), scene.home, "cpu", trainer=TRAINER)


@pytest.fixture
def first(scene: Scene) -> RunDirectory:
    """A run of the queue that has the CPU, held at step 6."""
    (scene.folder / "hold").write_text("training")
    run = add(scene)
    scene.held()
    return run


@pytest.fixture
def second(scene: Scene, first: RunDirectory) -> RunDirectory:
    """One that waits for it."""
    run = add(scene)
    wait_for(lambda: first.id in str(state_of(run).get("reason")), 20, "it says what it waits for")
    return run


def finishes(run: RunDirectory) -> None:
    """Wait for its turn and its end."""
    wait_for(lambda: read_row(run).phase.is_over, 40, "it has its turn")
    finished(run)


@pytest.mark.fault(
    "kill -9 of the process that waits for a run's turn", "lost, and how it waits again; then it runs"
)
def test_nobody_waits(scene: Scene, first: RunDirectory, second: RunDirectory) -> None:
    kill(state_of(second)["supervisor_pid"])
    found = shown(second)
    assert (found.phase, found.reason) == (Phase.LOST, lost.NO_WAITER)
    assert "waits for its turn again" in ftui("resume", second.id, "--detach")
    scene.release()
    finishes(first)
    finishes(second)


@pytest.mark.fault("kill -9 of the run that has the GPU", "the next one starts; the dead one goes on later")
def test_the_one_ahead_dies(scene: Scene, first: RunDirectory, second: RunDirectory) -> None:
    before = kept(first)
    for pid in processes(first).values():
        kill(pid)
    assert shown(first).phase is Phase.LOST
    scene.release()
    finishes(second)
    goes_on(first, 4)
    nothing_lost(first, *before)


@pytest.mark.fault(
    "kill -9 of the supervisor of the run that has the GPU", "its trainer keeps the GPU; the next one waits"
)
def test_the_one_ahead_is_orphaned(scene: Scene, first: RunDirectory, second: RunDirectory) -> None:
    before = kept(first)
    kill(processes(first)["supervisor_pid"])
    assert shown(first).phase is Phase.TRAINING
    # Two looks of the one that waits.
    wait_for(lambda: not locks.is_held(first.lock), 5)
    with pytest.raises(AssertionError):
        wait_for(lambda: read_history(second).step, 2.5)
    assert read_row(second).phase is Phase.QUEUED
    scene.release()
    finishes(second)
    over(first)
    assert shown(first).phase is Phase.FINISHED
    nothing_lost(first, *before)
