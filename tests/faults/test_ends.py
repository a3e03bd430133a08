"""Ends without a witness: a reboot, reports that fail, a supervisor that dies between two lives of its trainer."""

from __future__ import annotations

import os
import shutil
import signal

import psutil
import pytest

from runner.machine import trainers
from runner.store import directory, life, locks
from runner.store.directory import RunDirectory
from runner.store.events import Phase
from runner.supervision import launch
from tests.conftest import kill_below, wait_for
from tests.faults import impatient
from tests.faults.scene import (
    GONE,
    Scene,
    finished,
    ftui,
    goes_on,
    is_there,
    kept,
    kill,
    nothing_lost,
    over,
    processes,
    shown,
    state_of,
)
from tests.faults.trainer import PLACES
from tui.services.run_reader import read_row

AFTER_A_CHECKPOINT = [place for place in PLACES if place not in ("loading", "ending")]


@pytest.mark.parametrize("place", AFTER_A_CHECKPOINT)
@pytest.mark.fault("a reboot {place}", "lost, and said so; it goes on from the last whole checkpoint")
def test_a_reboot(scene: Scene, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a power cut leaves: the files, locks that are not held, and numbers of processes that mean others now."""
    run = scene.start(place)
    before = kept(run)
    home = scene.home.with_name("after")
    shutil.copytree(scene.home, home)
    monkeypatch.setenv("FTUI_HOME", str(home))
    after = RunDirectory(directory.runs_folder(home) / run.id)
    pids = {"trainer_pid": os.getpid(), "supervisor_pid": 1, "updated_at": psutil.boot_time() - 60}
    directory.write_json(after.state, {**state_of(after), **pids})
    found = shown(after)
    assert (found.phase, found.reason) == (Phase.LOST, "The machine was restarted while it ran.")
    assert not life.is_alive(after)
    for pid in processes(run).values():
        kill(pid)
    scene.release()
    try:
        goes_on(after, 4)
    finally:
        kill_below(home)
    nothing_lost(after, *before)


@pytest.mark.parametrize("how", ["fails", "hangs"])
@pytest.mark.fault(
    "the process that writes report.md {how}", "the run is finished all the same, and its supervisor ends"
)
def test_no_report(scene: Scene, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "start_supervisor", impatient.start)
    run = scene.start("training")
    before = kept(run)
    # It replaces the files whole; a full folder is not replaced.
    (run.path / "report.md" / "x").mkdir(parents=True)
    if how == "hangs":
        (run.preset).unlink()
        os.mkfifo(run.preset)
    scene.release()
    finished(run)
    assert (run.path / "report.md").is_dir()
    nothing_lost(run, *before)


@pytest.mark.fault(
    "kill -9 of the supervisor while the report is written", "the state was final before: finished"
)
def test_killed_while_reporting(scene: Scene) -> None:
    run = scene.start("training")
    before, supervisor = kept(run), processes(run)["supervisor_pid"]
    scene.release()
    wait_for(lambda: read_row(run).phase is Phase.FINISHED, 20)
    if life.is_alive(run):
        kill(supervisor)
    finished(run)
    nothing_lost(run, *before)


@pytest.mark.fault(
    "the supervisor is gone when the trainer asks for a smaller batch", "lost; it goes on with the new plan"
)
def test_planned_again_with_nobody_there(scene: Scene) -> None:
    run = scene.start("training", fail="evaluating oom")
    before, supervisor = kept(run), processes(run)["supervisor_pid"]
    kill(supervisor, signal.SIGSTOP)
    scene.release()
    wait_for((run.path / "replan.json").exists, 20, "it is planned again")
    wait_for(lambda: not locks.is_held(run.trainer_lock), 20, "the trainer ends")
    kill(supervisor)
    found = shown(run)
    assert found.phase is Phase.LOST
    assert GONE in found.reason
    nothing_lost(run, *before)
    goes_on(run, 4)
    nothing_lost(run, *before)


@pytest.mark.fault(
    "memory runs out, and the supervisor is killed as the trainer starts again",
    "lost or gone on with; no step is lost",
)
def test_killed_between_two_lives(scene: Scene) -> None:
    run = scene.start("training", fail="evaluating oom")
    before, working = kept(run), processes(run)
    (scene.folder / "held").unlink()
    (scene.folder / "hold").write_text("loading")
    scene.held()
    # The second life loads; its first supervisor dies, and another takes over.
    kill(working["supervisor_pid"])
    assert shown(run).phase is Phase.LOADING
    watching = scene.release_once(lambda: locks.is_held(run.lock))
    assert "finished" in ftui("watch", run.id, "--plain")
    watching.join()
    finished(run)
    nothing_lost(run, *before)


@pytest.mark.fault(
    "the trainer's module cannot be started", "failed, with its exit code and the console's words"
)
def test_a_trainer_that_does_not_start(dead: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(trainers.MORE, os.environ[trainers.MORE] + ",tests.faults.not_there")
    run, before = dead, kept(dead)
    record = directory.read_json(run.run)
    directory.write_json(run.run, {**record, "trainer": "tests.faults.not_there"})
    ftui("resume", run.id, "--detach")
    over(run)
    found = shown(run)
    assert found.phase is Phase.FAILED
    assert "exit code 1" in found.reason
    nothing_lost(run, *before)
    directory.write_json(run.run, record)
    goes_on(run, 4)
    nothing_lost(run, *before)


@pytest.mark.fault("the preset of a dead run cannot be read", "failed, and why; nothing is lost")
def test_a_preset_that_is_torn(dead: RunDirectory) -> None:
    run, before = dead, kept(dead)
    preset = run.preset.read_bytes()
    run.preset.write_bytes(preset[: len(preset) // 2] + b"\nnonsense: [")
    ftui("resume", run.id, "--detach")
    over(run)
    found = shown(run)
    assert found.phase is Phase.FAILED
    assert "preset.yaml" in found.reason
    nothing_lost(run, *before)
    run.preset.write_bytes(preset)
    goes_on(run, 4)
    nothing_lost(run, *before)


@pytest.mark.fault(
    "the run directory is deleted under a living run", "its processes end; the list does without it"
)
def test_a_deleted_run(scene: Scene) -> None:
    run = scene.start("training", pace="0.1")
    working = processes(run)

    def delete() -> bool:
        # Its supervisor may write a file into a folder that is being emptied.
        shutil.rmtree(run.path, ignore_errors=True)
        return not run.path.exists()

    wait_for(delete, 10, "it is deleted")
    scene.release()
    wait_for(lambda: not any(map(is_there, working.values())), 30, "its processes end")
    assert run.id not in ftui("ls")
    cannot_find = ftui("show", run.id, code=1)
    assert "there are no runs" in cannot_find
