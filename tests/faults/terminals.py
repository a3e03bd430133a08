"""A command on a pseudo-terminal of its own, and what its screen shows."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import threading

import pyte

from tests.conftest import wait_for

SIZE = (110, 36)


class Terminal:
    """A terminal with one command in it, which leads its session as a shell's job does."""

    def __init__(self, *command: str) -> None:
        """The command is `python -P -m MODULE …`."""
        self._master, slave = pty.openpty()
        width, height = SIZE
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self._screen = pyte.Screen(width, height)
        self._stream = pyte.ByteStream(self._screen)
        self._lock = threading.Lock()
        self._is_open = True
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
                self._stream.feed(data)

    def text(self) -> str:
        with self._lock:
            return "\n".join(self._screen.display)

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
