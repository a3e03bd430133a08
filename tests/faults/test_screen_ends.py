"""However the screen ends, the terminal is given back as it was, and the run goes on."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable

import psutil
import pytest

from runner.store.directory import RunDirectory
from tests.conftest import wait_for
from tests.faults.scene import FTUI, Scene, finished, kept, nothing_lost, trains
from tests.faults.terminals import Terminal

ILL = [sys.executable, "-P", "-m", "tests.faults.ill_screen"]
BELOW = [sys.executable, "-P", "-m", "tests.faults.below"]
# What a screen changes: mouse, focus, the alternate screen, bracketed paste, the cursor, line wrap, the keyboard.
CHANGED = {1000, 1003, 1004, 1006, 1015, 1049, 2004, 7, 25, "kitty"}

Open = Callable[..., Terminal]


def standing(terminal: Terminal, *words: str) -> Terminal:
    """A screen that stands: all its modes are on."""
    terminal.shows(*words)
    assert terminal.modes() >= CHANGED
    assert terminal.attributes() != terminal.attributes_before
    return terminal


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGQUIT", "SIGINT"])
@pytest.mark.fault(
    "{name} to `ftui watch` on a terminal",
    "the terminal is as before, exit code 128 + its number; the run finishes",
)
def test_signals(scene: Scene, terminal: Open, name: str) -> None:
    run = scene.start("training")
    before = kept(run)
    screen = standing(terminal(*FTUI, "watch", run.id), "training")
    number = signal.Signals[name]
    assert screen.signal(number) == 128 + number
    screen.is_restored()
    scene.release()
    trains(run)
    finished(run)
    nothing_lost(run, *before)


@pytest.mark.parametrize("illness", ["loops", "sleeps", "waits for a lock"])
@pytest.mark.fault(
    "the thread of the screen hangs ({illness}), then SIGTERM", "the terminal is as before, exit code 143"
)
def test_hanging(dead: RunDirectory, terminal: Open, illness: str) -> None:
    screen = standing(terminal(*ILL, illness, "watch", dead.id), "step 6")
    screen.press(b"n")
    screen.took(b"it falls ill")
    assert screen.signal(signal.SIGTERM) == 128 + signal.SIGTERM
    screen.is_restored()


@pytest.mark.parametrize("name", ["SIGKILL", "SIGABRT", "SIGSEGV"])
@pytest.mark.fault("{name} to the screen", "the terminal is as before, though the process could do nothing")
def test_sudden_death(cold: None, dead: RunDirectory, terminal: Open, name: str) -> None:
    screen = standing(terminal(*BELOW, "tui.cli", "watch", dead.id), "step 6")
    (child,) = psutil.Process(screen.process.pid).children()
    child.send_signal(signal.Signals[name])
    wait_for(lambda: not child.is_running(), 20)
    screen.is_restored()


@pytest.mark.fault("the screen's process aborts at a key", "the terminal is as before")
def test_abort(cold: None, dead: RunDirectory, terminal: Open) -> None:
    screen = standing(terminal(*BELOW, ILL[-1], "aborts", "watch", dead.id), "step 6")
    (child,) = psutil.Process(screen.process.pid).children()
    screen.press(b"n")
    wait_for(lambda: not child.is_running(), 20)
    screen.is_restored()


@pytest.mark.fault(
    "a handler of the screen raises", "the terminal is as before, the error is told, exit code 1"
)
def test_raising(dead: RunDirectory, terminal: Open) -> None:
    screen = standing(terminal(*ILL, "raises", "watch", dead.id), "step 6")
    screen.press(b"n")
    assert screen.process.wait(20) == 1
    screen.is_restored()
    screen.shows("a handler that is wrong")


@pytest.mark.fault("a thread of the screen raises", "the error is told on the screen, which goes on")
def test_raising_in_a_thread(dead: RunDirectory, terminal: Open) -> None:
    screen = standing(terminal(*ILL, "raises in a thread", "watch", dead.id), "step 6")
    screen.press(b"n")
    screen.shows("a handler that is wrong", "step 6")
    screen.press(b"q")
    assert screen.process.wait(20) == 0
    screen.is_restored()
