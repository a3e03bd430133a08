"""A trace in one file that grows line by line."""

from __future__ import annotations

import time
from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

from runner.foreign.checkpoints import checkpoints, output_directory
from runner.foreign.logbook import Events
from runner.foreign.trace import Trace
from runner.store.jsonl import LineTail

# A last line without an end that was left so long ago is whole, or was never finished.
LEFT_SECONDS = 60.0


class OpenTail(LineTail):
    """A LineTail that shows the line which has no end yet."""

    @property
    def torn(self) -> bytes:
        return self._pending


class FileTrace(Trace):
    """Follows a file, and the checkpoints of the output directory it lies in. `odd` counts lines that make no sense."""

    # A part of a line is never taken for a whole one.
    has_closed_lines: ClassVar[bool] = False

    def __init__(self, path: Path, name: str | None = None) -> None:
        super().__init__(path, path.name if name is None else name)
        self.tail = OpenTail(path)
        self.odd = 0
        self._folder = output_directory(path.parent)
        self.begin()

    @property
    def is_busy(self) -> bool:
        return self.tail.has_more

    def begin(self) -> None:
        """Forget what was read: at the start, and when the file was replaced."""
        self.odd = 0

    @abstractmethod
    def take(self, lines: list[bytes]) -> None:
        """Take in the next whole lines; there may be none."""

    def take_events(self) -> Events:
        """What the lines taken in so far have told."""
        return self.book.take()

    def poll(self) -> Events:
        restarts = self.tail.restarts
        whole = self.tail.read_whole()
        if self.tail.restarts != restarts:
            self.forget()
        self.take(whole.split(b"\n") if whole else [])
        self.bad_lines = self.tail.bad_lines + self.odd
        self.book.add_checkpoints(checkpoints(self._folder))
        return self.take_events()

    def forget(self) -> None:
        """The file was replaced."""
        self.book.reset()
        self.begin()

    def finish(self) -> Events:
        odd, bad = self.odd, self.tail.bad_lines
        if (line := self.tail.torn).strip() and (self.has_closed_lines or self._was_left()):
            self.take([line])
            # Half a line is no bad one.
            self.odd, self.tail.bad_lines = odd, bad
        return self.book.take()

    def _was_left(self) -> bool:
        written = self.written_at()
        return written is not None and time.time() - written > LEFT_SECONDS
