"""What can go wrong with a trainer that was started ahead: its run is like any other; without it one starts cold."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.preset import files
from runner.store import requests
from runner.store.checkpoints import newest
from runner.store.directory import RunDirectory, find_run
from runner.store.events import Phase
from runner.store.history import read_history
from runner.store.requests import Request
from runner.supervision import launch
from runner.supervision.warm import WarmStart
from tests.conftest import wait_for
from tests.faults.scene import (
    TRAINER,
    Scene,
    events,
    finished,
    ftui,
    goes_on,
    is_there,
    is_watched,
    kept,
    kill,
    nothing_lost,
    over,
    processes,
    shown,
)
from tests.faults.trainer import TOTAL
from tests.spares import Pids, ready, trainer_of, was_warm, why_cold

Started = Callable[..., RunDirectory]


@pytest.fixture
def pids(scene: Scene, warm: WarmStart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pids:
    """A spare pair that waits. An answer is not waited for long."""
    folder = tmp_path / "hasty"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "from runner.supervision import imports_ahead\nimports_ahead.PATIENCE[19] = imports_ahead.MARGIN = 2.5\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ["PYTHONPATH"]]))
    return ready(warm)


@pytest.fixture
def start(scene: Scene, warm: WarmStart, pids: Pids) -> Started:
    """Launch a run with that pair; with `hold` wait until it stands still there."""

    def start_it(hold: str = "", **wishes: str) -> RunDirectory:
        for name, value in {"hold": hold, **wishes}.items():
            (scene.folder / name).write_text(value)
        run = launch.launch(files.load("demo", scene.home), scene.home, "cpu", TRAINER, warm).run
        if hold:
            scene.held()
            assert processes(run) == {"supervisor_pid": pids.supervisor, "trainer_pid": pids.trainer}
        return run

    return start_it


@pytest.mark.fault(
    "kill -9 of a warm trainer between two checkpoints",
    "failed, and by what; it goes on from its last whole checkpoint",
)
def test_the_trainer(scene: Scene, start: Started, pids: Pids) -> None:
    run = start("training")
    before = kept(run)
    kill(pids.trainer)
    over(run)
    found = shown(run)
    assert found.phase is Phase.FAILED
    assert "killed by SIGKILL" in found.reason
    scene.release()
    goes_on(run, 4)
    nothing_lost(run, *before)


@pytest.mark.fault(
    "kill -9 of the supervisor of a warm trainer",
    "shown as it is; the next ftui that looks watches over it; it finishes",
)
def test_the_supervisor(scene: Scene, start: Started, pids: Pids) -> None:
    run = start("training")
    before = kept(run)
    kill(pids.supervisor)
    assert shown(run).phase is Phase.TRAINING
    assert not is_watched(run)
    watching = scene.release_once(lambda: is_watched(run))
    said = ftui("watch", run.id, "--plain")
    watching.join()
    assert "finished" in said
    finished(run)
    nothing_lost(run, *before)


@pytest.mark.parametrize("request_", [Request.STOP, Request.STOP_NOW])
@pytest.mark.fault("a warm trainer is asked to {request_}", "stopped; what was logged and saved is there")
def test_asked_to_stop(scene: Scene, start: Started, request_: Request) -> None:
    run = start("training")
    before = kept(run)
    requests.ask(run, request_)
    if request_ is Request.STOP:
        scene.release()
    over(run)
    assert shown(run).phase is Phase.STOPPED
    assert was_warm(run)
    nothing_lost(run, *before)


@pytest.mark.fault("SIGTERM to a warm trainer", "it saves and stops; its supervisor says so")
def test_sigterm(scene: Scene, start: Started, pids: Pids) -> None:
    run = start("training")
    os.kill(pids.trainer, signal.SIGTERM)
    scene.release()
    over(run)
    assert shown(run).phase is Phase.STOPPED
    last = newest(run)
    assert last is not None
    assert last.step == read_history(run).step


@pytest.mark.fault(
    "a warm trainer runs out of memory", "planned again and finished; the second trainer is started anew"
)
def test_out_of_memory(start: Started, pids: Pids) -> None:
    run = start(fail="training oom")
    finished(run)
    assert [event["plan"] for event in events(run, "replan")] == ["4 × 4 = 16 → 2 × 8 = 16"]
    assert was_warm(run)
    assert not is_there(pids.trainer)


@pytest.mark.parametrize("which", ["supervisor", "trainer"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
@pytest.mark.fault(
    "a spare {which} gets signal {number:d} before the launch", "the run starts cold, says so and finishes"
)
def test_a_spare_process(
    start: Started, pids: Pids, which: str, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.supervision.imports_ahead.MARGIN", 0.0)
    kill(getattr(pids, which), number)
    run = start()
    finished(run)
    assert why_cold(run)
    wait_for(lambda: not is_there(pids.supervisor) and not is_there(pids.trainer), 10, "both are gone")


@pytest.mark.fault(
    "ftui or a package is updated while a spare trainer waits", "the run starts cold, with the new code"
)
def test_an_update(start: Started, pids: Pids, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.machine.training_stack.STACK", ("torch",))
    monkeypatch.setattr("runner.supervision.freshness.STACK", ("torch",))
    run = start()
    finished(run)
    assert "versions of the training stack" in why_cold(run)
    assert not is_there(pids.supervisor)


SCREEN = """
import sys, time
from pathlib import Path
from runner.preset import files
from runner.supervision import launch, warm
warm.LEAST_FREE_MIB = 0
home = Path(sys.argv[1])
start = warm.WarmStart(home, "tests.spare_trainer")
start._prepare()
print(start._pair.process.pid, flush=True)
sys.stdin.readline()
print(launch.launch(files.load("demo", home), home, "cpu", sys.argv[2], start).run.id, flush=True)
time.sleep(600)
"""


@pytest.fixture
def screen(scene: Scene) -> subprocess.Popen[str]:
    """A process that prepares a warm start as the screen does, and launches when it is sent a line."""
    return subprocess.Popen(
        [sys.executable, "-c", SCREEN, str(scene.home), TRAINER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.fault(
    "kill -9 of the screen {when} a warm launch",
    "a spare pair ends with it; a run that has it goes on and finishes",
)
def test_the_screen(scene: Scene, screen: subprocess.Popen[str], when: str) -> None:
    assert screen.stdin is not None
    assert screen.stdout is not None
    with screen:
        supervisor = int(screen.stdout.readline())
        trainer = trainer_of(supervisor)
        if when == "before":
            screen.kill()
            wait_for(lambda: not is_there(supervisor) and not is_there(trainer), 10, "the pair ends")
            return
        (scene.folder / "hold").write_text("training")
        screen.stdin.write("\n")
        screen.stdin.flush()
        run = find_run(screen.stdout.readline().strip(), scene.home)
        scene.held()
        screen.kill()
    scene.release()
    finished(run)
    assert was_warm(run)
    assert read_history(run).step == TOTAL
