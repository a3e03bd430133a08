"""kill -9 of every process of a run, wherever the run is: what is on disk stays, and it goes on from there."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from runner.store import life, summary
from runner.store.directory import RunDirectory
from runner.store.events import Phase
from tests.conftest import wait_for
from tests.faults.scene import (
    FTUI,
    GONE,
    Scene,
    Shown,
    cannot_go_on,
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
    state_of,
)
from tests.faults.terminals import Terminal
from tests.faults.trainer import PLACES, TOTAL

# {where it stands still: (the last step logged, the last whole checkpoint, the phase shown)}
STANDING = {
    "loading": (0, 0, Phase.LOADING),
    "training": (6, 4, Phase.TRAINING),
    "evaluating": (8, 4, Phase.EVALUATING),
    "saving": (8, 4, Phase.SAVING),
    "ending": (TOTAL, TOTAL, Phase.FINISHED),
}

every_place = pytest.mark.parametrize("place", PLACES)


def goes_on_from_there(run: RunDirectory, place: str) -> None:
    """Resume does what can be done after a death at this place."""
    last = STANDING[place][1]
    if last == 0:
        cannot_go_on(run, "no whole checkpoint to go on from")
    elif last == TOTAL:
        cannot_go_on(run, f"has made all of its {TOTAL} steps")
    else:
        goes_on(run, last)


def ended(run: RunDirectory, place: str, phase: Phase, words: str) -> Shown:
    """The state says so, and why; unless the trainer had said before that it had finished."""
    found = shown(run)
    assert found.step == STANDING[place][0]
    if place == "ending":
        assert (found.phase, found.reason) == (Phase.FINISHED, "")
    else:
        assert found.phase is phase
        assert words in found.reason
    return found


@every_place
@pytest.mark.fault(
    "kill -9 of the trainer {place}",
    "failed, and by what, or finished if it had said so; it goes on from its last whole checkpoint",
)
def test_the_trainer(scene: Scene, place: str) -> None:
    run = scene.start(place)
    before = kept(run)
    assert (len(before[0]), max(before[1], default=0)) == STANDING[place][:2]
    kill(processes(run)["trainer_pid"])
    over(run)
    ended(run, place, Phase.FAILED, "killed by SIGKILL")
    nothing_lost(run, *before)
    scene.release()
    goes_on_from_there(run, place)
    nothing_lost(run, *before)


@every_place
@pytest.mark.fault(
    "kill -9 of the supervisor {place}",
    "shown as it is; the next ftui that looks watches over it; it finishes",
)
def test_the_supervisor(scene: Scene, place: str) -> None:
    run = scene.start(place)
    before = kept(run)
    kill(processes(run)["supervisor_pid"])
    found = shown(run)
    assert (found.phase, found.step) == (STANDING[place][2], STANDING[place][0])
    assert not is_watched(run)
    watching = scene.release_once(lambda: is_watched(run))
    said = ftui("watch", run.id, "--plain")
    watching.join()
    assert "finished" in said
    finished(run)
    assert len(kept(run)[0]) == TOTAL
    nothing_lost(run, *before)


@every_place
@pytest.mark.fault(
    "kill -9 of supervisor and trainer {place}",
    "lost, and said so, or finished if it had said so; it goes on from its last whole checkpoint",
)
def test_supervisor_and_trainer(scene: Scene, place: str) -> None:
    run = scene.start(place)
    before = kept(run)
    for pid in processes(run).values():
        kill(pid)
    ended(run, place, Phase.LOST, GONE)
    nothing_lost(run, *before)
    scene.release()
    goes_on_from_there(run, place)
    nothing_lost(run, *before)


@every_place
@pytest.mark.fault("kill -9 of the screen {place}", "the run does not notice and finishes")
def test_the_screen(scene: Scene, terminal: Callable[..., Terminal], place: str) -> None:
    run = scene.start(place)
    before, working = kept(run), processes(run)
    screen = terminal(*FTUI, "watch", run.id)
    screen.shows("demo", STANDING[place][2].value)
    assert screen.signal(9) == -9
    assert life.is_alive(run)
    assert processes(run) == working
    scene.release()
    finished(run)
    assert len(kept(run)[0]) == TOTAL
    nothing_lost(run, *before)


@every_place
@pytest.mark.fault("kill -9 of screen, supervisor and trainer {place}", "the same; another screen shows it")
def test_everybody(scene: Scene, terminal: Callable[..., Terminal], place: str) -> None:
    run = scene.start(place)
    before = kept(run)
    screen = terminal(*FTUI, "watch", run.id)
    screen.shows(STANDING[place][2].value)
    working = processes(run)
    # The screen first: it would have an orphan watched over again.
    assert screen.signal(9) == -9
    for pid in working.values():
        kill(pid)
    found = ended(run, place, Phase.LOST, GONE)
    if place == "training":
        another = terminal(*FTUI, "watch", run.id)
        another.shows(found.phase.value)
        another.close()
    scene.release()
    goes_on_from_there(run, place)
    nothing_lost(run, *before)
    wait_for(lambda: not life.is_alive(run), 5)


@pytest.mark.fault(
    "kill -9 of the supervisor before its trainer woke, and before it wrote down who trains",
    "alive; no second trainer is started; the next supervisor finds whom to stop",
)
def test_the_supervisor_before_the_trainer_wakes(scene: Scene) -> None:
    run = scene.start("waking")
    working = processes(run)
    kill(working["supervisor_pid"])
    run.state.write_text(json.dumps({**state_of(run), "trainer_pid": 0}))
    assert summary.read_state(run)["phase"] == Phase.STARTING
    ftui("resume", run.id, "--detach", code=1)
    ftui("stop", run.id, "--now")
    over(run)
    found = shown(run)
    assert (found.phase, found.step) == (Phase.STOPPED, 0)
    assert not is_there(working["trainer_pid"])
