"""Alive is the process, not a file that can be removed: no second trainer is started, and nothing is deleted."""

from __future__ import annotations

import errno
import os
import resource
import shutil
from pathlib import Path

import pytest

from runner import safe_open
from runner.commands.clean import clean
from runner.commands.resume import resume
from runner.machine import trainers
from runner.store import disk_usage, life, processes
from runner.store.directory import RunDirectory
from runner.store.errors import LaunchError
from runner.store.events import Phase
from runner.store.life import Life, Role
from tests.faults.scene import (
    Scene,
    events,
    finished,
    ftui,
    goes_on,
    kept,
    nothing_lost,
    over,
    shown,
)
from tests.faults.scene import processes as pids_of


def removed(run: RunDirectory) -> None:
    run.lock.unlink()
    run.trainer_lock.unlink()


def made_anew(run: RunDirectory) -> None:
    for path in (run.lock, run.trainer_lock):
        path.unlink()
        path.touch()


def copied(run: RunDirectory) -> None:
    """As an editor, a synchroniser or `cp` and `mv` leave them."""
    for path in (run.lock, run.trainer_lock):
        shutil.copy(path, path.with_name("copy"))
        path.with_name("copy").replace(path)


def folders(run: RunDirectory) -> None:
    for path in (run.lock, run.trainer_lock):
        path.unlink()
        path.mkdir()


def with_state(run: RunDirectory) -> None:
    removed(run)
    run.state.unlink()


TAMPERED = {
    "removed": removed,
    "replaced by empty files": made_anew,
    "replaced by copies": copied,
    "replaced by folders": folders,
    "removed with state.json": with_state,
}


@pytest.mark.parametrize("how", TAMPERED)
@pytest.mark.fault(
    "lock and trainer.lock of a living run are {how}",
    "it is listed as living; resume and clean leave it alone; stop ends it, once, with a checkpoint",
)
def test_locks_that_are_gone(scene: Scene, how: str) -> None:
    run = scene.start("training")
    before, working = kept(run), pids_of(run)
    TAMPERED[how](run)
    assert shown(run).phase is Phase.TRAINING
    assert life.is_alive(run)
    held = disk_usage.holding(run)
    assert (held.is_alive, held.removable) == (True, ())
    with pytest.raises(LaunchError, match="is running"):
        resume(run)
    for role in Role:
        with pytest.raises((LaunchError, IsADirectoryError)):
            life.take(run, role)
    assert clean([disk_usage.Holding(run, 0, 0, 0, (object(),), 0, False)]).count == 0  # type: ignore[arg-type]
    assert {one.pid for one in processes.workers_on(run.path)} == set(working.values())
    assert "finishes its step" in ftui("stop", run.id)
    scene.release()
    over(run)
    assert shown(run).phase is Phase.STOPPED
    nothing_lost(run, *before)
    assert len(events(run, "end")) == 1


@pytest.mark.fault(
    "the locks of a dead run are removed", "lost, not living; it goes on from its last whole checkpoint"
)
def test_locks_of_a_dead_run_that_are_gone(dead: RunDirectory) -> None:
    removed(dead)
    assert shown(dead).phase is Phase.LOST
    assert not life.is_alive(dead)
    goes_on(dead, 4)


@pytest.mark.parametrize("problem", [errno.EACCES, errno.EMFILE, errno.EIO], ids=errno.errorcode.get)
@pytest.mark.fault(
    "the lock of a run cannot be looked at ({problem})",
    "it cannot be told whether it lives: said, nothing is started, nothing is deleted",
)
def test_a_lock_that_cannot_be_looked_at(
    dead: RunDirectory, problem: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = safe_open.open_fd

    def open_fd(path: Path, *arguments: int) -> int:
        if path in (dead.lock, dead.trainer_lock):
            raise OSError(problem, os.strerror(problem), str(path))
        return real(path, *arguments)

    monkeypatch.setattr("runner.safe_open.open_fd", open_fd)
    assert {life.of(dead, role).life for role in Role} == {Life.UNKNOWN}
    held = disk_usage.holding(dead)
    assert (held.is_alive, held.removable) == (True, ())
    with pytest.raises(LaunchError, match="running"):
        resume(dead)
    assert os.strerror(problem) in shown(dead).reason


@pytest.mark.fault(
    "no descriptors are left when a run is looked at", "not told from a death: nothing is begun"
)
def test_no_descriptors_are_left(dead: RunDirectory) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    highest = max(int(fd) for fd in os.listdir("/proc/self/fd"))  # noqa: PTH208
    spare = [os.open("/dev/null", os.O_RDONLY) for _ in range(max(0, highest + 1 - used))]
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) - 1, hard))  # noqa: PTH208
    try:
        found = life.of(dead, Role.SUPERVISOR)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in spare:
            os.close(fd)
    assert found.life is Life.UNKNOWN
    assert "Too many open files" in found.why


@pytest.mark.fault(
    "the locks of a living run are removed, and processes cannot be looked at (no /proc, no descriptors)",
    "it cannot be told whether it lives: nothing is started, nothing is deleted",
)
def test_processes_that_cannot_be_looked_at(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    run = scene.start("training")
    removed(run)

    def scandir(path: str) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), path)

    with monkeypatch.context() as patched:
        patched.setattr("runner.store.processes.os.scandir", scandir)
        assert {life.of(run, role, is_to_act=True).life for role in Role} == {Life.UNKNOWN}
        for role in Role:
            with pytest.raises(LaunchError, match="nothing is started"):
                life.take(run, role)
        assert disk_usage.holding(run).removable == ()
    scene.release()
    finished(run)


@pytest.mark.fault(
    "a living run is renamed, and a copy of it put in its place",
    "the copy is dead: no process of the other is touched",
)
def test_a_copy_at_the_old_place(scene: Scene) -> None:
    run = scene.start("training")
    working = pids_of(run)
    moved = RunDirectory(run.path.with_name(run.id.replace("demo", "moved")))
    run.path.rename(moved.path)
    shutil.copytree(moved.path, run.path)
    assert not life.is_alive(run)
    assert life.is_alive(moved)
    ftui("stop", run.id, "--now")
    assert {one.pid for one in processes.workers_on(moved.path)} == set(working.values())
    assert "finishes its step" in ftui("stop", moved.id)
    scene.release()
    over(moved)


@pytest.mark.fault(
    "a run directory is renamed while it trains",
    "it ends in words at the next write, under its new name; it goes on from its checkpoint",
)
def test_a_directory_that_is_renamed(scene: Scene) -> None:
    run = scene.start("training")
    before = kept(run)
    moved = RunDirectory(run.path.with_name(run.id.replace("demo", "moved")))
    run.path.rename(moved.path)
    assert life.is_alive(moved)
    scene.release()
    over(moved)
    assert not run.path.exists()
    found = shown(moved)
    assert found.phase is Phase.FAILED
    assert "renamed" in found.reason
    nothing_lost(moved, *before)
    goes_on(moved, 4)
    finished(moved)


@pytest.mark.fault(
    "a run directory is copied while it trains, and the copy is looked at",
    "the copy is lost and can go on; the run does not notice",
)
def test_a_directory_that_is_copied(scene: Scene) -> None:
    run = scene.start("training")
    before = kept(run)
    copy = RunDirectory(run.path.with_name(run.id.replace("demo", "copy")))
    shutil.copytree(run.path, copy.path)
    assert shown(copy).phase is Phase.LOST
    assert not life.is_alive(copy)
    scene.release()
    finished(run)
    nothing_lost(run, *before)
    goes_on(copy, 4)


@pytest.mark.fault("a file system cannot lock files", "refused in words that say what to set")
def test_no_locks(scene: Scene, dead: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(fd: int, operation: int) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr("fcntl.flock", flock)
    assert life.of(dead, Role.TRAINER).life is Life.UNKNOWN
    with pytest.raises(OSError, match="set FTUI_HOME"):
        life.take(dead, Role.SUPERVISOR)


def test_a_process_is_known_by_its_command_and_its_directory(tmp_path: Path) -> None:
    assert processes.workers_on(tmp_path) == []
    assert trainers.OURS in trainers.known()
