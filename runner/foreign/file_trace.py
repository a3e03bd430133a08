"""A trace in one file that grows line by line."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path

from runner.foreign.checkpoints import checkpoints, output_directory
from runner.foreign.logbook import Events
from runner.foreign.trace import Trace
from runner.run.jsonl import LineTail


class FileTrace(Trace):
    """Follows a file, and the checkpoints of the output directory it lies in. `odd` counts lines that make no sense."""

    def __init__(self, path: Path, name: str, tail: LineTail) -> None:
        super().__init__(path, name)
        self.tail = tail
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

    def poll(self) -> Events:
        restarts = self.tail.restarts
        whole = self.tail.read_whole()
        if self.tail.restarts != restarts:
            self.book.reset()
            self.begin()
        self.take(whole.split(b"\n") if whole else [])
        self.bad_lines = self.tail.bad_lines + self.odd
        self.book.add_checkpoints(checkpoints(self._folder))
        return self.book.take()
