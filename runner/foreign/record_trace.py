"""A trace in one file of JSON records, a whole one at every log, which a Trainer appends to."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path

from runner.foreign.file_trace import FileTrace
from runner.store.jsonl import Record


class RecordTrace(FileTrace):
    """Follows such a file. The run has the name of the folder; the file's is the same in all of them."""

    is_of_trainer = True
    has_closed_lines = True

    def __init__(self, path: Path) -> None:
        super().__init__(path, path.parent.name)

    def take(self, lines: list[bytes]) -> None:
        for line in lines:
            if (record := self.tail.parse(line)) is not None:
                self.take_record(record)

    @abstractmethod
    def take_record(self, record: Record) -> None:
        """Enter one record into the book."""
