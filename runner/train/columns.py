"""The X-ray's memory of rows: 24 bytes each, in columns, as rows come in and as numpy arrays."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from runner.insight.data import MOST_NOTES, Defects, Note, Source


@dataclass
class DefectList:
    """Counts one kind of defect and keeps the first of them."""

    count: int = 0
    notes: list[Note] = field(default_factory=list)

    def add(self, row: int, text: str) -> None:
        self.count += 1
        if len(self.notes) < MOST_NOTES:
            self.notes.append(Note(row, text))

    def frozen(self) -> Defects:
        return Defects(self.count, tuple(self.notes))


@dataclass
class SourceRows:
    """What is kept of the rows of one source; the arrays have an entry for each usable row."""

    name: str
    place: str
    expected: int | None = None
    read: int = 0
    formats: Counter[str] = field(default_factory=Counter)
    bad: DefectList = field(default_factory=DefectList)
    problem: str = ""
    numbers: array[int] = field(default_factory=lambda: array("I"))
    keys: array[int] = field(default_factory=lambda: array("Q"))
    lengths: array[int] = field(default_factory=lambda: array("I"))
    trained: array[int] = field(default_factory=lambda: array("I"))
    untrained_turns: array[int] = field(default_factory=lambda: array("I"))

    def frozen(self) -> Source:
        return Source(
            self.name,
            self.place,
            self.read,
            self.expected,
            dict(self.formats),
            self.bad.frozen(),
            self.problem,
        )


@dataclass(frozen=True)
class OneRow:
    number: int
    length: int


@dataclass(frozen=True)
class Rows:
    """Columns of equally many rows, as numpy arrays."""

    numbers: Any
    keys: Any
    lengths: Any
    trained: Any
    untrained_turns: Any

    @classmethod
    def of(cls, source: SourceRows) -> Rows:
        return cls(
            *(
                np.array(getattr(source, name), dtype=np.uint64 if name == "keys" else np.int64)
                for name in _COLUMNS
            )
        )

    @classmethod
    def joined(cls, parts: list[Rows]) -> Rows:
        if not parts:
            return cls.of(SourceRows("", ""))
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS))

    def only(self, where: Any) -> Rows:
        return Rows(*(getattr(self, name)[where] for name in _COLUMNS))

    def at(self, places: Any) -> Rows:
        return self.only(np.asarray(places, dtype=np.int64))


_COLUMNS = ("numbers", "keys", "lengths", "trained", "untrained_turns")
