"""A command on a pseudo-terminal of its own, and what its screen shows."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
from typing import Any

import pyte

from tests.conftest import wait_for

SIZE = (110, 36)
# A mode that is set or reset; the kitty keyboard protocol, taken up and left.
MODE = re.compile(rb"\x1b\[\?([\d;]+)([hl])|\x1b\[([<>])[\d;]*u")
SWITCH_TO, SWITCH_BACK = b"\x1b[?1049h", b"\x1b[?1049l"
SWITCH = re.compile(rb"(\x1b\[\?1049[hl])")
# Line wrap, and a cursor that is seen.
USUALLY_ON = {7, 25}


class Terminal:
    """A terminal with one command in it, which leads its session as a shell's job does."""

    def __init__(self, *command: str) -> None:
        """The command is `python -P -m MODULE …`."""
        self._master, slave = pty.openpty()
        width, height = SIZE
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        # pyte knows no alternate screen: there are two, and what is written goes to one of them.
        self._screens = [pyte.Screen(width, height) for _ in range(2)]
        self._streams = [pyte.ByteStream(screen) for screen in self._screens]
        self._is_alternate = False
        self._held = b""
        self._lock = threading.Lock()
        self._is_open = True
        self._written = bytearray()
        self.attributes_before = termios.tcgetattr(slave)
        *python, module = command[:4]
        self.process = subprocess.Popen(
            [*python, "tests.faults.on_terminal", os.ttyname(slave), module, *command[4:]],
            start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color"},
        )
        self._slave = slave
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while self._is_open:
            if not select.select([self._master], [], [], 0.05)[0]:
                continue
            try:
                data = os.read(self._master, 65536)
            except OSError:
                return
            with self._lock:
                self._written += data
                self._feed(self._held + data)

    def _feed(self, data: bytes) -> None:
        cut = len(data) if (at := data.rfind(b"\x1b", -len(SWITCH_TO))) < 0 else at
        data, self._held = data[:cut], data[cut:]
        for part in SWITCH.split(data):
            if part in (SWITCH_TO, SWITCH_BACK):
                self._is_alternate = part == SWITCH_TO
                if self._is_alternate:
                    self._screens[True].reset()
            elif part:
                self._streams[self._is_alternate].feed(part)

    def text(self) -> str:
        with self._lock:
            return "\n".join(self._screens[self._is_alternate].display)

    def attributes(self) -> list[Any]:
        """What `stty` would say."""
        return termios.tcgetattr(self._slave)

    def modes(self) -> set[int | str]:
        """What is not as a shell has it: numbers of DEC private modes, and "kitty"."""
        on, kitty = set(USUALLY_ON), 0
        with self._lock:
            written = bytes(self._written)
        for numbers, action, keyboard in MODE.findall(written):
            if keyboard:
                kitty += 1 if keyboard == b">" else -1
            else:
                for number in map(int, numbers.split(b";")):
                    (on.add if action == b"h" else on.discard)(number)
        return (on ^ USUALLY_ON) | ({"kitty"} if kitty else set())

    def is_restored(self) -> None:
        """Wait until it is as it was before its command."""
        try:
            wait_for(lambda: not self.modes() and self.attributes() == self.attributes_before, 20)
        except AssertionError:
            raise AssertionError(
                f"modes {self.modes()}, attributes {self.attributes()}, before {self.attributes_before}"
            ) from None

    def resize(self, width: int, height: int) -> None:
        with self._lock:
            for screen in self._screens:
                screen.resize(height, width)
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def received(self) -> bytes:
        """Every byte that was sent to the terminal."""
        with self._lock:
            return bytes(self._written)

    def took(self, words: bytes) -> None:
        """Wait until the terminal was sent these, whatever was drawn over them since."""
        wait_for(lambda: words in self.received(), 30, f"{words!r} is written")

    def is_quiet(self) -> bool:
        """Whether everything that was sent so far is read."""
        return not select.select([self._master], [], [], 0.1)[0]

    def shows(self, *words: str) -> None:
        """Wait until all of these words are on the screen."""
        try:
            wait_for(lambda: all(word in self.text() for word in words), 40)
        except AssertionError:
            raise AssertionError(f"{words} are not in\n{self.text()}") from None

    def press(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def signal(self, number: int) -> int:
        """Send its process a signal that ends it; returns how it ended."""
        os.kill(self.process.pid, number)
        return self.process.wait(20)

    def hang_up(self) -> int:
        """Close the terminal under its process, as a lost connection does; returns how it ended."""
        self._let_go()
        return self.process.wait(20)

    def _let_go(self) -> None:
        if self._is_open:
            self._is_open = False
            self._reader.join()
            os.close(self._slave)
            os.close(self._master)

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(20)
        self._let_go()
