"""A system that gives no more threads, descriptors, memory or room: looking works, what cannot be done is said."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable

import pytest

from runner.store import directory
from runner.store.directory import RunDirectory
from tests.conftest import wait_for
from tests.faults.mounts import read_only
from tests.faults.scene import FTUI, Scene, finished, ftui, is_watched
from tests.faults.terminals import Terminal
from tests.faults.trainer import TOTAL

NO_THREADS = [sys.executable, "-P", "-m", "tests.faults.no_threads"]
ILL = [sys.executable, "-P", "-m", "tests.faults.ill_screen"]
LIMITED = [sys.executable, "-P", "-m", "tests.faults.limited"]
LOOKING = [("ls",), ("show", "last"), ("watch", "last", "--plain")]

Open = Callable[..., Terminal]


@pytest.mark.fault(
    "no thread can be started (`ulimit -u`), then the screen", "two lines say so; the terminal is as before"
)
def test_no_thread_for_the_screen(dead: RunDirectory, terminal: Open) -> None:
    screen = terminal(*NO_THREADS, "watch", dead.id)
    assert screen.process.wait(60) == 1
    screen.shows("No thread can be started", "raise the limit")
    assert "Traceback" not in screen.text()
    screen.is_restored()


@pytest.mark.fault(
    "the screen can start no more threads, and a run is to go on",
    "it says so and goes on; nothing is started",
)
def test_no_thread_for_an_action(dead: RunDirectory, terminal: Open, scene: Scene) -> None:
    screen = terminal(*ILL, "has no threads", "watch", dead.id)
    screen.shows("step 6", "demo-overfit")
    screen.press(b"n")
    screen.took(b"it falls ill")
    screen.press(b"r")
    screen.shows("Does not go on", "No thread can be started")
    screen.press(b"q")
    assert screen.process.wait(20) == 0
    screen.is_restored()
    assert directory.list_runs(scene.home) == [dead]


@pytest.mark.fault(
    "no thread can be started, then ls, show, watch --plain and run", "all of them do what they are asked for"
)
def test_no_thread_for_a_verb(dead: RunDirectory, scene: Scene) -> None:
    def said(*verb: str) -> str:
        command = [*NO_THREADS, *verb]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        assert "Traceback" not in done.stderr
        return done.stdout

    for verb in LOOKING:
        assert "lost" in said(*verb)
    launched = said("run", "demo", "--gpu", "cpu", "--force", "--detach").strip()
    newest, _ = directory.list_runs(scene.home)
    assert newest.id == launched
    assert is_watched(newest)


# {what is short: the variables and soft limits of what is started}
SHORT = {
    "`ulimit -n 64`": ({}, (resource.RLIMIT_NOFILE, 64)),
    "`ulimit -v` of 1 GB": ({}, (resource.RLIMIT_AS, 1_000_000_000)),
    "a TMPDIR that is not there": ({"TMPDIR": "/nowhere"}, None),
    "a TMPDIR that takes no file": ({"TMPDIR": "/proc"}, None),
}


@pytest.mark.parametrize("short", SHORT)
@pytest.mark.fault("{short} for ls, show, watch and the screen", "all of them look at the run as ever")
def test_looking(
    cold: None,
    dead: RunDirectory,
    terminal: Open,
    monkeypatch: pytest.MonkeyPatch,
    short: str,
) -> None:
    variables, limit = SHORT[short]
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for verb in LOOKING:
        done = subprocess.run(
            [*LIMITED, json.dumps(limit), *verb], capture_output=True, text=True, timeout=60, check=False
        )
        assert "lost" in done.stdout, done.stderr
        assert "Traceback" not in done.stderr
    screen = terminal(*LIMITED, json.dumps(limit), "watch", dead.id)
    screen.shows("step 6", "Launch")
    screen.press(b"v")
    screen.shows("Findings")
    screen.press(b"\x1b")
    wait_for(lambda: "Findings" not in screen.text(), 40)
    screen.shows("l Launch")
    screen.press(b"q")
    assert screen.process.wait(20) == 0
    screen.is_restored()


@pytest.mark.fault(
    "FTUI_HOME is read-only", "ls, show, watch and the screen look; run and a launch are refused in words"
)
def test_a_read_only_home(dead: RunDirectory, terminal: Open, scene: Scene) -> None:
    with read_only(scene.home):
        for verb in LOOKING:
            assert "lost" in ftui(*verb, code=1 if verb[0] == "watch" else 0)
        said = ftui("run", "demo", "--gpu", "cpu", "--detach", code=1)
        assert "Read-only file system" in said
        assert str(scene.home) in said
        assert "Traceback" not in said
        screen = terminal(*FTUI, "watch", dead.id)
        screen.shows("step 6", "Launch")
        screen.press(b"r")
        screen.shows("r  go on")
        screen.press(b"r")
        screen.shows("Does not go on", "Read-only file system")
        screen.press(b"q")
        assert screen.process.wait(20) == 0
    assert directory.list_runs(scene.home) == [dead]


@pytest.mark.parametrize("step", ["ahead", "back"])
@pytest.mark.fault("the clock goes a day {step} under an open screen", "it follows the run to its end")
def test_a_clock_that_steps(scene: Scene, terminal: Open, step: str) -> None:
    run = scene.start("training")
    screen = terminal(*ILL, f"is a day {step}", "watch", run.id)
    screen.shows("training", f"step 6/{TOTAL}")
    screen.press(b"n")
    screen.took(b"it falls ill")
    scene.release()
    screen.shows("finished", f"step {TOTAL}/{TOTAL}")
    finished(run)
    screen.press(b"q")
    assert screen.process.wait(20) == 0
