"""A system that gives no more threads, descriptors, memory or room: looking works, what cannot be done is said."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.store import directory
from runner.store.directory import RunDirectory
from tests.faults.scene import FTUI, Scene, finished, ftui, over
from tests.faults.terminals import Terminal

NO_THREADS = [sys.executable, "-P", "-m", "tests.faults.no_threads"]
ILL = [sys.executable, "-P", "-m", "tests.faults.ill_screen"]
OURS = [sys.executable, "-P", "-m", "tests.faults.ftui"]
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
    "the screen can start no more threads, and a launch is asked for",
    "it says so and goes on; nothing is launched",
)
def test_no_thread_for_an_action(dead: RunDirectory, terminal: Open, scene: Scene) -> None:
    screen = terminal(*ILL, "has no threads", "watch", dead.id)
    screen.shows("step 6", "demo-overfit")
    screen.press(b"n")
    screen.shows("it falls ill")
    screen.press(b"r")
    screen.shows("Go on")
    screen.press(b"\r")
    screen.shows("No thread can be started")
    screen.press(b"q")
    assert screen.process.wait(20) == 0
    screen.is_restored()
    assert directory.list_runs(scene.home) == [dead]


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> object:
    """Sets a soft limit for what is started from here on."""
    before = {}

    def limit(what: int, most: int) -> None:
        before[what] = resource.getrlimit(what)
        resource.setrlimit(what, (most, before[what][1]))

    yield limit
    for what, old in before.items():
        resource.setrlimit(what, old)
