"""Terminals that close and signals that say so: the screen goes, the run goes on."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner.store import directory
from runner.store.events import Phase
from tests.conftest import wait_for
from tests.faults.scene import (
    FTUI,
    Scene,
    finished,
    ftui,
    is_watched,
    kept,
    kill,
    nothing_lost,
    over,
    processes,
    shown,
    supervisors,
    trains,
)
from tests.faults.terminals import Terminal
from tests.faults.trainer import TOTAL

PLAIN = [sys.executable, "-P", "-m", "tests.faults.ftui", "run", "demo", "--gpu", "cpu", "--force", "--plain"]
SLOW = "0.15"


@pytest.mark.parametrize("how", ["SIGHUP", "SIGTERM", "a closed terminal"])
@pytest.mark.fault(
    "the screen gets {how}", "it goes, without a busy rest; the run does not notice and finishes"
)
def test_the_screen(scene: Scene, terminal: Callable[..., Terminal], how: str) -> None:
    run = scene.start("training")
    before, working = kept(run), processes(run)
    screen = terminal(*FTUI, "watch", run.id)
    screen.shows("training")
    if how == "a closed terminal":
        screen.hang_up()
    else:
        screen.signal(signal.Signals[how])
    scene.release()
    trains(run)
    assert processes(run) == working
    finished(run)
    nothing_lost(run, *before)


@pytest.mark.parametrize("how", ["SIGHUP", "SIGINT", "a closed terminal"])
@pytest.mark.fault("`ftui run --plain` gets {how}", "it goes; the run it started is detached and finishes")
def test_following_in_text(scene: Scene, terminal: Callable[..., Terminal], how: str) -> None:
    (scene.folder / "hold").write_text("training")
    text = terminal(*PLAIN)
    scene.held()
    (run,) = directory.list_runs(scene.home)
    before, working = kept(run), processes(run)
    if how == "a closed terminal":
        text.hang_up()
    else:
        text.signal(signal.Signals[how])
    scene.release()
    trains(run)
    assert processes(run) == working
    finished(run)
    nothing_lost(run, *before)


@pytest.mark.fault("SIGHUP to supervisor and trainer", "neither minds; the run finishes")
def test_hangup_of_those_who_work(scene: Scene) -> None:
    run = scene.start("training")
    before = kept(run)
    for pid in processes(run).values():
        kill(pid, signal.SIGHUP)
    scene.release()
    assert is_watched(run)
    finished(run)
    nothing_lost(run, *before)


@pytest.fixture
def deaf() -> Iterator[None]:
    """This process ignores what `nohup` and `&` in a script make a process ignore."""
    numbers = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.fault(
    "SIGINT to a run that was started by one who ignores it", "stopped after its step; nothing is inherited"
)
def test_a_run_started_under_nohup(cold: None, deaf: None, scene: Scene) -> None:
    run = scene.start("training", pace=SLOW)
    for pid in processes(run).values():
        assert not {signal.SIGINT, signal.SIGQUIT, signal.SIGTERM} & ignored(pid)
    kill(processes(run)["supervisor_pid"], signal.SIGINT)
    scene.release()
    over(run)
    assert shown(run).phase is Phase.STOPPED


def ignored(pid: int) -> set[int]:
    """The signals that a process ignores."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    mask = next(int(line.split()[1], 16) for line in lines if line.startswith("SigIgn:"))
    return {number for number in range(1, 32) if mask & 1 << number - 1}


@pytest.mark.parametrize("who", ["supervisor", "trainer"])
@pytest.mark.fault(
    "SIGTERM to the {who}", "the step is finished, a checkpoint written; stopped, and it goes on"
)
def test_being_asked_to_end(scene: Scene, who: str) -> None:
    run = scene.start("training", pace=SLOW)
    before = kept(run)
    kill(processes(run)[f"{who}_pid"], signal.SIGTERM)
    scene.release()
    over(run)
    found = shown(run)
    assert found.phase is Phase.STOPPED
    assert found.reason == f"stopped after step {found.step}"
    last = max(kept(run)[1])
    assert last == found.step < TOTAL
    nothing_lost(run, *before)
    assert f"goes on from checkpoint-{last}" in ftui("resume", run.id, "--detach")
    finished(run)
    nothing_lost(run, *before)


@pytest.mark.fault(
    "the supervisor is killed under two open screens", "exactly one new supervisor; it finishes"
)
def test_two_screens_and_an_orphan(scene: Scene, terminal: Callable[..., Terminal]) -> None:
    run = scene.start("training")
    before = kept(run)
    screens = [terminal(*FTUI, "watch", run.id) for _ in range(2)]
    for screen in screens:
        screen.shows("training", f"step 6/{TOTAL}")
    first = processes(run)["supervisor_pid"]
    kill(first)
    wait_for(lambda: is_watched(run), 20, "it is watched over again")
    wait_for(lambda: processes(run)["supervisor_pid"] != first, 20, "the new one writes the state")
    assert supervisors(run) == [processes(run)["supervisor_pid"]]
    scene.release()
    for screen in screens:
        screen.shows("finished", f"step {TOTAL}/{TOTAL}")
    finished(run)
    nothing_lost(run, *before)


@pytest.mark.fault(
    "two screens on one run, one of them killed", "both show the same; the other goes on showing"
)
def test_two_screens(scene: Scene, terminal: Callable[..., Terminal]) -> None:
    run = scene.start("training")
    before = kept(run)
    one, other = (terminal(*FTUI, "watch", run.id) for _ in range(2))
    for screen in (one, other):
        screen.shows("training", f"step 6/{TOTAL}")
    one.signal(signal.SIGKILL)
    scene.release()
    other.shows("finished", f"step {TOTAL}/{TOTAL}")
    finished(run)
    nothing_lost(run, *before)
