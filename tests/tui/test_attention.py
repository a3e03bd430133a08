"""What calls a person to the terminal, as the terminal gets it: a bell and two notifications, once."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.store.directory import RunDirectory, read_json
from runner.store.events import Phase
from tests.run.conftest import Scripted, scripted
from tests.run.scenes import end, phase, plan, step
from tests.tui.made import alive, grow, made, told
from tui.models.run_view import RunRow
from tui.notifications import LONGEST, news, notification

__all__ = ["scripted"]

FTUI = [sys.executable, "-P", "-m", "tui.cli"]
OSC = re.compile(rb"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
EVIL = "\x1b]0;evil\x07bo;om\x9b31m\nand\tmore\x00\x7f"


class Terminal:
    """ftui on a pseudo-terminal; keeps every byte it writes."""

    def __init__(self, home: Path) -> None:
        self.data = b""
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            os.environ |= {"FTUI_HOME": str(home), "TERM": "xterm-256color"}
            for name in ("TMUX", "COLUMNS", "LINES"):
                os.environ.pop(name, None)
            os.execv(sys.executable, FTUI)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        os.kill(self._pid, signal.SIGWINCH)

    def read(self, until: Callable[[bytes], object], seconds: float = 60) -> None:
        """Read on until this holds of what was written so far; AssertionError when it does not in time."""
        deadline = time.monotonic() + seconds
        while not until(self.data):
            assert time.monotonic() < deadline, self.data[-3000:]
            self._take(0.1)

    def read_for(self, seconds: float) -> None:
        """Read whatever comes in this time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._take(0.1)

    def _take(self, seconds: float) -> None:
        if select.select([self._fd], [], [], seconds)[0]:
            with contextlib.suppress(OSError):
                self.data += os.read(self._fd, 65_536)

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._fd)

    @property
    def bells(self) -> int:
        return OSC.sub(b"", self.data).count(b"\x07")

    def sequences(self, number: int) -> list[bytes]:
        """The OSC sequences of this number."""
        return [one for one in OSC.findall(self.data) if one.startswith(b"\x1b]%d;" % number)]


@pytest.fixture
def terminal(home: Path) -> Iterator[Callable[[], Terminal]]:
    opened: list[Terminal] = []

    def start() -> Terminal:
        opened.append(Terminal(home))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.mark.slow
def test_a_live_run_that_fails_calls_once(scripted: Scripted, terminal: Callable[[], Terminal]) -> None:
    run: RunDirectory = scripted("until-stop")
    screen = terminal()
    screen.read(lambda data: b"training" in data and b"100000" in data)
    screen.read_for(2)
    assert screen.bells == 0
    pid = read_json(run.state)["trainer_pid"]
    os.kill(int(str(pid)), signal.SIGKILL)
    screen.read(lambda _: screen.bells)
    screen.read_for(4)
    assert screen.bells == 1
    (nine,), (other,) = screen.sequences(9), screen.sequences(777)
    assert b"demo failed" in nine
    assert other.startswith(b"\x1b]777;notify;demo failed;")


@pytest.mark.slow
def test_what_is_told_moves_no_cursor(home: Path, terminal: Callable[[], Terminal]) -> None:
    run = alive(made(home, "20261231-110000-a-run-0009", phase("training"), plan(), step(1)))
    screen = terminal()
    screen.read(lambda data: b"training" in data)
    screen.read_for(2)
    grow(run, *end("failed", EVIL))
    told(run, reason=EVIL)
    screen.read(lambda _: screen.sequences(777))
    screen.read_for(2)
    assert screen.bells == 1
    (nine,), (other,) = screen.sequences(9), screen.sequences(777)
    for one in (nine, other):
        assert not re.search(rb"[\x00-\x1f\x7f]", one[2:-1]), one
        assert b"bo,om" in one
    assert other.count(b";") == 3
    assert b"\x1b]0;evil" not in screen.data
    assert "␛]0;evil".encode() in screen.data


@given(st.text(), st.text(), st.booleans())
def test_any_words_make_two_sequences(title: str, text: str, in_tmux: bool) -> None:
    said = notification(title + EVIL, text + EVIL, in_tmux)
    if in_tmux:
        parts = said.split("\x1b\\")
        assert len(parts) == 3
        assert all(part.startswith("\x1bPtmux;\x1b\x1b]") for part in parts[:2])
        said = "".join(part.removeprefix("\x1bPtmux;").replace("\x1b\x1b", "\x1b") for part in parts)
    nine, other = re.findall(r"\x1b\]([^\x00-\x1f\x7f-\x9f]*)\x07", said)
    assert said == f"\x1b]{nine}\x07\x1b]{other}\x07"
    assert nine.startswith("9;")
    assert other.split(";")[:2] == ["777", "notify"]
    assert len(other.split(";")) == 4
    assert len(nine) <= 2 * LONGEST + 4


def test_lines_are_kept_apart() -> None:
    assert "one two" in notification("t", "one\ntwo", False)


def row(**more: object) -> RunRow:
    return RunRow(id="a", name="a", phase=Phase.TRAINING, **more)  # type: ignore[arg-type]


def test_news_are_told_once_and_only_of_what_was_seen_alive() -> None:
    alive_, grave = row(), row(verdict="overfitting", severity=3)
    over = RunRow("a", "a", Phase.FAILED, reason="out of memory")
    assert news({}, [over]) == []
    assert [one[0] for one in news({"a": alive_}, [grave])] == ["warning"]
    assert news({"a": grave}, [grave]) == []
    assert news({"a": grave}, [row(verdict="overfitting", severity=2)]) == []
    assert news({"a": grave}, [over]) == [("failed", "a failed", "out of memory")]
    assert news({"a": over}, [over]) == []
