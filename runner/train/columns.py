"""The X-ray's memory of rows: 24 bytes each, in columns, as rows come in and as numpy arrays."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

from runner.insight.data import MOST_NOTES, Defects, Note, Source
from runner.insight.division import Keys, Places

Mask = npt.NDArray[np.bool_]


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
    """One row: its 1-based number in its source, and its tokens before cutting."""

    number: int
    length: int


@dataclass(frozen=True)
class Rows:
    """Columns of equally many rows, all of shape (rows,)."""

    numbers: Places
    keys: Keys
    lengths: Places
    trained: Places
    untrained_turns: Places

    @classmethod
    def of(cls, source: SourceRows) -> Rows:
        """The usable rows of a source so far; what comes in later does not change them."""
        counts = (
            np.array(column, dtype=np.int64)
            for column in (source.numbers, source.lengths, source.trained, source.untrained_turns)
        )
        numbers, lengths, trained, untrained_turns = counts
        return cls(numbers, np.array(source.keys, dtype=np.uint64), lengths, trained, untrained_turns)

    @classmethod
    def joined(cls, parts: list[Rows]) -> Rows:
        """The rows of all parts, one behind the other."""
        if not parts:
            return cls.of(SourceRows("", ""))
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS))

    def only(self, where: Mask | Places) -> Rows:
        """The rows a mask of shape (rows,) or a list of positions picks."""
        return Rows(*(getattr(self, name)[where] for name in _COLUMNS))


_COLUMNS = tuple(column.name for column in fields(Rows))
