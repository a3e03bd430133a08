"""logging.jsonl, which ms-swift appends to at every log, with its step as `"global_step/max_steps": "10/438"`."""

from __future__ import annotations

from pathlib import Path

from runner.foreign.printed import Entry
from runner.foreign.record_trace import RecordTrace
from runner.store.jsonl import LineTail, Record

NAME = "logging.jsonl"


def find(path: Path) -> MsSwiftLog | None:
    file = path / NAME if path.is_dir() else path
    if file.suffix != ".jsonl" or not file.is_file():
        return None
    records = LineTail(file).read(1 << 16)
    return MsSwiftLog(file) if any(Entry(record).progress for record in records) else None


class MsSwiftLog(RecordTrace):
    """Follows logging.jsonl."""

    kind = "ms-swift log"

    def take_record(self, record: Record) -> None:
        # The last record sums up, with the whole log in it again.
        if "log_history" in record:
            return
        if (progress := Entry(record).progress) is None:
            self.odd += 1
            return
        step, total = progress
        self.book.facts.set_total(total)
        self.book.add(step, record)
