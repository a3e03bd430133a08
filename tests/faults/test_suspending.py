"""ctrl+z and fg, as in every program of a terminal."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from runner.store.directory import RunDirectory
from tests.conftest import wait_for
from tests.faults.scene import FTUI
from tests.faults.terminals import Terminal

SHELL = [sys.executable, "-P", "-m", "tests.faults.job_shell"]
CTRL_Z = b"\x1a"
PROMPT = "ready$"

Open = Callable[..., Terminal]


@pytest.fixture
def shell(cold: None, dead: RunDirectory, terminal: Open) -> Terminal:
    """A shell with job control, in which a run is watched."""
    made = terminal(*SHELL)
    made.shows(PROMPT)
    made.press(f"{' '.join(FTUI)} watch {dead.id}\n".encode())
    made.shows("step 6")
    return made


def screen_of(shell: Terminal) -> psutil.Process:
    (found,) = psutil.Process(shell.process.pid).children()
    return found


def stopped(shell: Terminal) -> psutil.Process:
    """Wait until its screen has stopped and the shell has the terminal; returns the screen's process."""
    shell.shows("Stopped", PROMPT)
    assert "step 6" not in shell.text()
    assert not shell.modes() - {2004}
    screen = screen_of(shell)
    assert screen.status() == psutil.STATUS_STOPPED
    return screen


@pytest.mark.parametrize("way", ["ctrl+z", "SIGTSTP"])
@pytest.mark.fault(
    "{way} to the screen, then `fg`", "it stops, the shell has its terminal; it is drawn again"
)
def test_there_and_back(shell: Terminal, way: str) -> None:
    raw = shell.attributes()
    shell.press(CTRL_Z) if way == "ctrl+z" else screen_of(shell).send_signal(signal.SIGTSTP)
    stopped(shell)
    shell.press(b"echo some$((40+2))thing\n")
    shell.shows("some42thing")
    shell.press(b"fg\n")
    shell.shows("step 6", "Launch")
    assert "some42thing" not in shell.text()
    assert shell.attributes() == raw
    shell.press(b"?")
    shell.shows("fg there comes back")
    shell.press(b"\x1b")
    wait_for(lambda: "fg there" not in shell.text(), 40)
    shell.press(b"q")
    shell.shows(PROMPT, "some42thing")
    assert not shell.modes() - {2004}


@pytest.mark.fault("the terminal is resized while the screen is stopped", "`fg` draws it at its new size")
def test_another_size(shell: Terminal) -> None:
    shell.press(CTRL_Z)
    stopped(shell)
    shell.resize(80, 24)
    shell.press(b"fg\n")
    shell.shows("step 6")
    # The footer, which is always in the last line.
    wait_for(lambda: "Launch" in shell.text().splitlines()[23], 40)


@pytest.mark.fault("`bg` of a stopped screen", "it stays stopped and writes nothing; `fg` brings it back")
def test_in_the_background(shell: Terminal) -> None:
    shell.press(CTRL_Z)
    screen = stopped(shell)
    switches = screen.num_ctx_switches()
    shell.press(b"bg\n")
    wait_for(lambda: screen.num_ctx_switches() != switches, 20, "it is continued")
    wait_for(lambda: screen.status() == psutil.STATUS_STOPPED, 20, "it stops again")
    assert not shell.modes() - {2004}
    shell.press(b"fg\n")
    shell.shows("step 6", "Launch")


@pytest.mark.fault(
    "SIGCONT to a screen that was not stopped; then SIGTERM", "it goes on; the terminal is as before"
)
def test_a_continue_too_many(dead: RunDirectory, terminal: Open) -> None:
    screen = terminal(*FTUI, "watch", dead.id)
    screen.shows("step 6", "Launch")
    raw = screen.attributes()
    os.kill(screen.process.pid, signal.SIGCONT)
    screen.press(b"?")
    screen.shows("fg there comes back")
    assert screen.attributes() == raw
    assert screen.signal(signal.SIGTERM) == 128 + signal.SIGTERM
    screen.is_restored()


@pytest.mark.parametrize("way", ["ctrl+z", "SIGTSTP"])
@pytest.mark.fault("{way} to a screen without a shell behind it", "it does not freeze")
def test_without_a_shell(dead: RunDirectory, terminal: Open, way: str) -> None:
    screen = terminal(*FTUI, "watch", dead.id)
    screen.shows("step 6", "Launch")
    if way == "ctrl+z":
        screen.press(CTRL_Z)
        screen.shows("no shell to go back to")
    else:
        os.kill(screen.process.pid, signal.SIGTSTP)
    screen.press(b"?")
    screen.shows("fg there comes back")


@pytest.mark.fault("ctrl+z while a filter is typed", "it stops; after `fg` what was typed is there")
def test_in_an_input(shell: Terminal) -> None:
    shell.press(b"/dem")
    shell.shows("/dem", "  dem ")
    shell.press(CTRL_Z)
    stopped(shell)
    shell.press(b"fg\n")
    shell.shows("/dem", "  dem ")
    shell.press(b"o")
    shell.shows("/demo", "  demo ")


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """tmux with a server of its own, whose pane has a shell."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")

    def ask(*words: str) -> str:
        command = ["tmux", "-S", str(tmp_path / "tmux"), "-f", "/dev/null", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout

    ask("new-session", "-d", "-x", "110", "-y", "36", "PS1='ready$ ' bash --norc --noprofile -i")
    yield ask
    ask("kill-server")


@pytest.mark.fault(
    "ctrl+z and `fg` in tmux, then SIGTERM", "it stops, is drawn again, ends; the pane is the shell's"
)
def test_in_tmux(cold: None, dead: RunDirectory, tmux: Callable[..., str]) -> None:
    def pane() -> str:
        return tmux("capture-pane", "-p")

    def flags() -> str:
        return tmux("display-message", "-p", "#{alternate_on}#{mouse_any_flag}#{cursor_flag}").strip()

    wait_for(lambda: PROMPT in pane(), 40)
    tmux("send-keys", f"{' '.join(FTUI)} watch {dead.id}", "Enter")
    wait_for(lambda: "step 6" in pane() and "Launch" in pane(), 40)
    assert flags()[:2] == "11"
    tmux("send-keys", "C-z")
    wait_for(lambda: "Stopped" in pane() and flags() == "001", 40)
    tmux("send-keys", "fg", "Enter")
    wait_for(lambda: "step 6" in pane() and "Launch" in pane() and flags()[:2] == "11", 40)
    shell = psutil.Process(int(tmux("display-message", "-p", "#{pane_pid}")))
    (screen,) = shell.children()
    screen.terminate()
    wait_for(lambda: not screen.is_running() and flags() == "001", 40)
    tmux("send-keys", "echo ended with $?", "Enter")
    wait_for(lambda: "ended with 143" in pane(), 40)
