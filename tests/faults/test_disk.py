"""Disks that are full, read-only or over their quota: what is on them stays, and it is said what is wrong."""

from __future__ import annotations

import errno
import signal
from collections.abc import Iterator

import pytest

from runner.store import directory, life, locks
from runner.store.directory import RunDirectory
from runner.store.events import Phase
from runner.store.history import read_history
from tests.conftest import kill_below, wait_for
from tests.faults.mounts import Disk, read_only, small_disk
from tests.faults.scene import (
    Scene,
    events,
    finished,
    ftui,
    goes_on,
    goes_round,
    is_there,
    kept,
    kill,
    nothing_lost,
    over,
    processes,
    shown,
    state_of,
)
from tests.faults.trainer import TOTAL, WEIGHTS
from tui.services.run_reader import read_view

RESERVED = 64 * 1024
PAGE = 4096
FULL = "The disk is full"


@pytest.fixture
def disk(scene: Scene) -> Iterator[Disk]:
    """The home lies on a disk of two MiB."""
    with small_disk(scene.home, "2m") as made:
        yield made
        kill_below(scene.home)


@pytest.mark.fault(
    "the disk fills up; only events still fit",
    "no checkpoint is torn; said; with room again all is made up for",
)
def test_a_full_disk_for_state_and_checkpoints(scene: Scene, disk: Disk) -> None:
    run = scene.start("training")
    before = kept(run)
    for path in (run.events, run.system, run.console):
        disk.reserve(path, RESERVED)
    wait_for(lambda: state_of(run)["step"] == 6, 10)
    disk.fill()
    (scene.folder / "hold").write_text("adapter")
    (scene.folder / "held").unlink()
    scene.held()
    view = read_view(run)
    assert view.step == TOTAL
    assert [warning for warning in view.warnings if FULL in warning]
    assert state_of(run)["step"] == 6
    nothing_lost(run, *before)
    assert not [path for path in run.checkpoints.iterdir() if path.name != "checkpoint-4"]
    disk.free()
    scene.release()
    finished(run)
    assert not list(run.path.glob(".*.tmp"))
    nothing_lost(run, *before)


@pytest.mark.parametrize("end", ["has room again", "its trainer dies"])
@pytest.mark.fault(
    "the disk is full, not even the end fits, and {end}",
    "failed, with the disk as the reason, as soon as there is room; it goes on",
)
def test_a_full_disk_for_events(scene: Scene, disk: Disk, end: str) -> None:
    run = scene.start("training")
    before, working = kept(run), processes(run)
    fill_page(run)
    disk.fill()
    scene.release()
    # Oftener than the rest of the run has steps: the trainer waits with its last words.
    goes_round(working["trainer_pid"], TOTAL)
    assert is_there(working["trainer_pid"])
    assert len(read_history(run).train) < TOTAL
    if end == "its trainer dies":
        kill(working["trainer_pid"], signal.SIGABRT)
        wait_for(lambda: not is_there(working["trainer_pid"]), 20, "the trainer dies")
        # Several tries of the supervisor.
        goes_round(working["supervisor_pid"])
        assert is_there(working["supervisor_pid"])
    disk.free()
    over(run)
    found = shown(run)
    assert found.phase is Phase.FAILED
    assert FULL in found.reason
    assert found.step == (TOTAL if end == "has room again" else 6)
    assert "ftui clean" in read_view(run).hint
    nothing_lost(run, *before)
    goes_on(run, 4)
    nothing_lost(run, *before)


def fill_page(run: RunDirectory) -> None:
    """Leave hardly any room in the last page of its events: the rest of a page that is begun belongs to its file."""
    room = PAGE - run.events.stat().st_size % PAGE
    words = '{"type":"remark","text":"' + "x" * (room - 80) + '"}\n'
    with run.events.open("a") as stream:
        stream.write(words if room > 200 else "")


@pytest.mark.fault(
    "the disk is full, not even events fit, and has room again before the end",
    "the run goes on all the while; every step is written down in its place; finished",
)
def test_a_full_disk_for_a_while(scene: Scene, disk: Disk) -> None:
    run = scene.start("training")
    before = kept(run)
    (scene.folder / "hold").write_text("adapter")
    fill_page(run)
    (scene.folder / "held").unlink()
    disk.fill()
    scene.held()
    assert len(read_history(run).train) < TOTAL
    disk.free()
    scene.release()
    finished(run)
    history = read_history(run)
    assert list(history.train.step) == list(range(1, TOTAL + 1))
    assert [warning for warning in history.warnings if FULL in str(warning["message"])]
    nothing_lost(run, *before)


@pytest.mark.fault(
    "the disk fills up just before the end", "finished, though state.json could not be written"
)
def test_a_full_disk_for_the_last_state(scene: Scene, disk: Disk) -> None:
    run = scene.start("ending")
    before, supervisor = kept(run), processes(run)["supervisor_pid"]
    for path in (run.events, run.system, run.console):
        disk.reserve(path, RESERVED)
    disk.fill()
    scene.release()
    wait_for(lambda: read_history(run).end, 20, "the trainer ends")
    kill(supervisor)
    over(run)
    assert state_of(run)["phase"] != "finished"
    assert shown(run).phase is Phase.FINISHED
    nothing_lost(run, *before)


@pytest.mark.fault(
    "the disk is full when a run ends, and has room later", "state.json is made up for: finished"
)
def test_a_full_disk_for_the_last_state_but_not_for_long(scene: Scene, disk: Disk) -> None:
    run = scene.start("ending")
    before, supervisor = kept(run), processes(run)["supervisor_pid"]
    for path in (run.events, run.system, run.console):
        disk.reserve(path, RESERVED)
    disk.fill()
    scene.release()
    wait_for(lambda: not locks.is_held(run.trainer_lock), 20, "the trainer ends")
    # Several tries of the supervisor.
    goes_round(supervisor)
    assert state_of(run)["phase"] != "finished"
    disk.free()
    finished(run)
    nothing_lost(run, *before)


@pytest.mark.fault("a launch on a full disk", "refused in words; nothing runs")
def test_a_launch_on_a_full_disk(scene: Scene, disk: Disk) -> None:
    disk.fill()
    said = ftui("run", "demo", "--gpu", "cpu", "--force", "--detach", code=1)
    assert "No space left on device" in said
    assert "Traceback" not in said
    assert not any(life.is_alive(run) for run in directory.list_runs(scene.home))


@pytest.mark.fault(
    "the run directory becomes read-only",
    "a stop is refused in words; failed at its checkpoint, and why; it goes on",
)
def test_a_read_only_run(scene: Scene) -> None:
    run = scene.start("training")
    before = kept(run)
    with read_only(run.path):
        said = ftui("stop", run.id, code=1)
        assert "Read-only file system" in said
        assert "Traceback" not in said
        assert read_view(run).phase is Phase.TRAINING
        scene.release()
        wait_for(lambda: read_history(run).end, 20, "the trainer ends")
        assert state_of(run)["phase"] != "failed"
    over(run)
    found = shown(run)
    # A checkpoint that cannot be written for another reason than a full disk ends the run.
    assert found.phase is Phase.FAILED
    assert "Read-only file system" in found.reason
    nothing_lost(run, *before)
    goes_on(run, 4)
    nothing_lost(run, *before)


@pytest.mark.fault(
    "`ftui resume` in a read-only run directory", "refused in words; with the disk back it goes on"
)
def test_resuming_a_read_only_run(dead: RunDirectory) -> None:
    run, before = dead, kept(dead)
    with read_only(run.path):
        said = ftui("resume", run.id, "--detach", code=1)
        assert "Read-only file system" in said
        assert "Traceback" not in said
        assert shown(run).phase is Phase.LOST
    goes_on(run, 4)
    nothing_lost(run, *before)


@pytest.mark.parametrize("name", ["EDQUOT", "EIO"])
@pytest.mark.fault(
    "{name} while the adapter is saved", "failed, and why; resume saves it and makes no step again"
)
def test_an_adapter_that_cannot_be_saved(scene: Scene, name: str) -> None:
    run = scene.start(fail=f"adapter {getattr(errno, name)}")
    over(run)
    before = kept(run)
    found = shown(run)
    assert (found.phase, found.step) == (Phase.FAILED, TOTAL)
    assert (FULL if name != "EIO" else "Input/output error") in found.reason
    assert not run.adapter.exists()
    assert max(before[1]) == TOTAL
    assert f"goes on from checkpoint-{TOTAL}" in ftui("resume", run.id, "--detach")
    finished(run)
    assert (run.adapter / WEIGHTS).stat().st_size > 0
    assert len(events(run, "step")) == TOTAL
    nothing_lost(run, *before)
