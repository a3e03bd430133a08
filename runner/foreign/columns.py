"""Tables of numbers by step: CSV, as Lightning writes metrics.csv, and JSON lines, as many loops do.

Columns are known by their names (names.py), or by what was said of them: `--map loss=training_loss,step=iter`.
"""

from __future__ import annotations

import csv
import io
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from runner import safe_open
from runner.foreign.file_trace import FileTrace
from runner.foreign.line_log import head
from runner.foreign.logbook import Events
from runner.foreign.names import columns
from runner.foreign.trace import TraceError
from runner.foreign.values import number
from runner.store.jsonl import Record, parse_object

CSV, JSONL = (".csv", ".tsv"), (".jsonl", ".ndjson")
TABLES = (*CSV, *JSONL)
# In a folder only what is called so is taken for a log: data is kept in such files too.
NAMES = (
    "metrics.csv",
    "metrics.jsonl",
    "train_log.csv",
    "training_log.csv",
    "training_log.jsonl",
    "log.csv",
    "log.jsonl",
    "logging.jsonl",
    "history.csv",
    "progress.csv",
)
MOST_HEAD_BYTES = 1 << 16
MOST_NAMED = 12


def find(path: Path, wanted: Mapping[str, str] | None = None) -> Columns | None:
    """A table with a loss in it. TraceError, with what is in it, for a table that was named and has none."""
    if path.is_dir():
        files = [path / name for name in NAMES if (path / name).is_file()]
        newest = sorted(files, key=lambda file: file.stat().st_mtime, reverse=True)
        return next((found for file in newest if (found := _open(file, wanted or {})).has_losses), None)
    if path.suffix not in TABLES and not wanted:
        return None
    found = _open(path, wanted or {})
    # Its first line may not be whole yet.
    if not found.names:
        return None
    if not found.has_losses:
        raise TraceError(unknown_loss(path, found.names))
    return found


def unknown_loss(where: object, names: Iterable[str]) -> str:
    """What is said of numbers that none of is known to be a loss."""
    there = list(dict.fromkeys(names))
    more = f" and {len(there) - MOST_NAMED} more" if len(there) > MOST_NAMED else ""
    return (
        f"{where}: no loss under a known name; found: {', '.join(there[:MOST_NAMED]) or 'nothing'}{more}.\n"
        "Say which is which: --map loss=NAME,step=NAME"
    )


def _open(path: Path, wanted: Mapping[str, str]) -> Columns:
    lines = head(path)
    first = next((line for line in lines if line.strip()), "")
    kind: type[Columns] = JsonColumns if first.lstrip().startswith("{") else CsvColumns
    return kind(path, wanted)


class Columns(FileTrace):
    """Follows such a table. `names` are its columns, as far as they were seen."""

    has_closed_lines = True

    def __init__(self, path: Path, wanted: Mapping[str, str]) -> None:
        self.wanted = wanted
        self._meanings: dict[str, str] = {}
        # metrics.csv is what Lightning calls it everywhere.
        super().__init__(path, path.parent.name if path.name in NAMES else path.name)
        self.names = self._first_names(head(path))

    def begin(self) -> None:
        super().begin()
        self._count = 0
        self._epochs: set[float] = set()
        self.book.facts.counts_epochs = True

    @property
    def has_losses(self) -> bool:
        found = columns(self.names, self.wanted).values()
        return "loss" in found or any(name.startswith("eval_") and name.endswith("loss") for name in found)

    @abstractmethod
    def _first_names(self, lines: list[str]) -> list[str]:
        """The names of the columns in the first lines."""

    def row(self, values: Mapping[str, Any]) -> None:
        """Take a row in; empty cells are nothing."""
        if not values.keys() <= self._meanings.keys():
            self._meanings = columns(dict.fromkeys([*self._meanings, *values]), self.wanted)
        logs = {self._meanings[name]: value for name, value in values.items() if number(value) is not None}
        epoch = number(logs.get("epoch"))
        if epoch is not None and not epoch.is_integer():
            # The share of the data that was seen, not a count.
            self.book.facts.counts_epochs = False
        step = number(logs.pop("step", None))
        if step is None:
            self._count += "loss" in logs or not self._count
            step = self._count
        if 0 <= step < 1e15:
            self.book.add(int(step), logs)
        else:
            self.odd += 1


class CsvColumns(Columns):
    """Follows a CSV file with a line of heads; Lightning writes it anew when it gets another column."""

    kind = "CSV table"

    def begin(self) -> None:
        super().begin()
        self._heads: list[str] = []
        self._first_line = b""
        self._separator = ","

    def poll(self) -> Events:
        if self._first_line and _first_line(self.path) not in (self._first_line, b""):
            self.forget()
            self.tail = type(self.tail)(self.path)
        return super().poll()

    def take(self, lines: list[bytes]) -> None:
        for line in lines:
            text = line.decode("utf-8-sig", errors="replace").rstrip("\r")
            if not text.strip():
                continue
            if not self._heads:
                self._first_line = line
                self._separator = _separator(text)
                self._heads = self.names = _cells(text, self._separator)
                continue
            cells = _cells(text, self._separator)
            if cells == self._heads:
                continue
            if len(cells) < 2 and len(self._heads) > 1:
                self.odd += 1
                continue
            # Some writers end rows with a separator too many.
            self.row(dict(zip(self._heads, cells, strict=False)))

    def _first_names(self, lines: list[str]) -> list[str]:
        first = next((line for line in lines[:-1] if line.strip()), "").removeprefix("\ufeff")
        return _cells(first, _separator(first)) if first else []


class JsonColumns(Columns):
    """Follows JSON lines; what is nested is named with a slash."""

    kind = "JSON lines"

    def take(self, lines: list[bytes]) -> None:
        for line in lines:
            if (record := self.tail.parse(line)) is not None:
                self.row(dict(_flat(record)))

    def _first_names(self, lines: list[str]) -> list[str]:
        records = [record for line in lines[:64] if (record := parse_object(line.encode())) is not None]
        return list(dict.fromkeys(name for record in records for name, _ in _flat(record)))


def _flat(record: Record, prefix: str = "", depth: int = 3) -> Iterable[tuple[str, object]]:
    for key, value in record.items():
        if isinstance(value, dict) and depth:
            yield from _flat(value, f"{prefix}{key}/", depth - 1)
        else:
            yield prefix + key, value


def _separator(line: str) -> str:
    return max(",\t;", key=line.count)


def _cells(line: str, separator: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader(io.StringIO(line), delimiter=separator), [])]
    except csv.Error:
        return []


def _first_line(path: Path) -> bytes:
    try:
        with safe_open.open_binary(path) as stream:
            return stream.readline(MOST_HEAD_BYTES).rstrip(b"\n")
    except OSError:
        return b""
