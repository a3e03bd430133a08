"""Keeps in mind how the terminal was before the screen, and sees to it that it is so again."""

from __future__ import annotations

import contextlib
import marshal
import os
import subprocess
import sys
from types import TracebackType

from tui.terminal import restoring


class Keeper:
    """Told when the screen begins and ends. While this process lives it restores by `restore`; when the process dies
    at once, a child does (restoring.py).
    """

    def __init__(self) -> None:
        """What it finds is how the terminal is to be."""
        assert sys.__stdin__ is not None and sys.__stderr__ is not None
        # Where Textual reads, and where it writes.
        self._read, self._written = sys.__stdin__.fileno(), sys.__stderr__.fileno()
        self._attributes = restoring.attributes_of(self._read)
        self._is_begun = False
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Keeper:
        with contextlib.suppress(OSError):
            # Where none can be started, only what a process can do itself is done.
            self._child = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-S", restoring.__file__),
                    marshal.dumps(self._attributes).hex(),
                ],
                stdin=subprocess.PIPE,
                stdout=self._written,
                stderr=self._read,
                cwd="/",
                bufsize=0,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.restore()
        if self._child is not None:
            assert self._child.stdin is not None
            self._child.stdin.close()
            self._child.wait()

    def begin(self) -> None:
        """The screen is about to change modes of the terminal."""
        self._is_begun = True
        self._tell(restoring.BEGUN)

    def end(self) -> None:
        """The screen has ended them all."""
        self._is_begun = False
        self._tell(restoring.ENDED)

    def restore(self) -> None:
        """End what the screen has begun, if it has not. Any thread may call this, the screen's own may hang."""
        if self._is_begun:
            restoring.restore(self._written, self._read, self._attributes)
            self.end()

    def _tell(self, word: bytes) -> None:
        if self._child is not None:
            assert self._child.stdin is not None
            with contextlib.suppress(OSError):
                os.write(self._child.stdin.fileno(), word)
