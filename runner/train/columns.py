"""The X-ray's memory of rows: 16 bytes each and 8 for each sample of them, in columns, as they come in and as numpy
arrays.
"""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from runner.insight.data import MOST_NOTES, Defects, Note, Remark, Source
from runner.insight.division import Keys, Places

Mask = npt.NDArray[np.bool_]
# Kinds of remarks that are kept; a file with a column for each row has as many.
MOST_REMARKS = 50


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
    """What is kept of the rows of one source: `numbers`, `keys`, `samples` and `untrained_turns` have an entry for each
    usable row, `lengths` and `trained` one for each of its samples.
    """

    name: str
    place: str
    expected: int | None = None
    read: int = 0
    formats: Counter[str] = field(default_factory=Counter)
    ways: Counter[str] = field(default_factory=Counter)
    bad: DefectList = field(default_factory=DefectList)
    left_out: DefectList = field(default_factory=DefectList)
    notes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    remarks: dict[str, Remark] = field(default_factory=dict)
    problem: str = ""
    numbers: array[int] = field(default_factory=lambda: array("I"))
    keys: array[int] = field(default_factory=lambda: array("Q"))
    samples: array[int] = field(default_factory=lambda: array("H"))
    untrained_turns: array[int] = field(default_factory=lambda: array("H"))
    lengths: array[int] = field(default_factory=lambda: array("I"))
    trained: array[int] = field(default_factory=lambda: array("I"))

    def remark(self, row: int, text: str) -> None:
        """Count one more row of which this is said."""
        known = self.remarks.get(text)
        if known is not None:
            self.remarks[text] = replace(known, count=known.count + 1)
        elif len(self.remarks) < MOST_REMARKS:
            self.remarks[text] = Remark(text, 1, row)

    def frozen(self) -> Source:
        return Source(
            self.name,
            self.place,
            self.read,
            self.expected,
            dict(self.formats),
            self.bad.frozen(),
            self.problem,
            self.left_out.frozen(),
            self.notes,
            tuple(sorted(self.remarks.values(), key=lambda one: -one.count)),
            self.columns,
        )


@dataclass(frozen=True)
class OneRow:
    """One row: its 1-based number in its source, and the tokens of its longest sample before cutting."""

    number: int
    length: int


@dataclass(frozen=True)
class Rows:
    """`numbers`, `keys`, `untrained_turns`, `samples` and `first` are of shape (rows,): `samples` of them stand from
    `first` on in `lengths` and `trained`, which hold all samples of the sources the rows were picked from.
    """

    numbers: Places
    keys: Keys
    untrained_turns: Places
    samples: Places
    first: Places
    lengths: Places
    trained: Places

    @classmethod
    def of(cls, source: SourceRows) -> Rows:
        """The usable rows of a source so far; what comes in later does not change them."""
        samples = np.array(source.samples, dtype=np.int64)
        return cls(
            np.array(source.numbers, dtype=np.int64),
            np.array(source.keys, dtype=np.uint64),
            np.array(source.untrained_turns, dtype=np.int64),
            samples,
            np.cumsum(samples) - samples,
            np.array(source.lengths, dtype=np.int64),
            np.array(source.trained, dtype=np.int64),
        )

    @classmethod
    def joined(cls, parts: list[Rows]) -> Rows:
        """The rows of all parts, one behind the other."""
        if not parts:
            return cls.of(SourceRows("", ""))
        starts = np.cumsum([0, *(len(part.lengths) for part in parts)])
        moved = [replace(part, first=part.first + start) for part, start in zip(parts, starts, strict=False)]
        numbers, keys, untrained_turns, samples, first, lengths, trained = (
            np.concatenate([getattr(part, name) for part in moved])
            for name in (*_OF_ROWS, "lengths", "trained")
        )
        return cls(numbers, keys, untrained_turns, samples, first, lengths, trained)

    def only(self, where: Mask | Places) -> Rows:
        """The rows a mask of shape (rows,) or a list of positions picks."""
        return replace(self, **{name: getattr(self, name)[where] for name in _OF_ROWS})

    def __len__(self) -> int:
        return len(self.numbers)

    @cached_property
    def _places(self) -> Places:
        """Where the samples of these rows stand, row by row."""
        ends = np.cumsum(self.samples)
        return np.repeat(self.first - (ends - self.samples), self.samples) + np.arange(
            ends[-1] if len(ends) else 0
        )

    @cached_property
    def sample_lengths(self) -> Places:
        """Tokens of each sample before cutting, shape (samples,)."""
        return self.lengths[self._places]

    @cached_property
    def sample_trained(self) -> Places:
        """Learned tokens of each sample after cutting, shape (samples,)."""
        return self.trained[self._places]

    @cached_property
    def row_lengths(self) -> Places:
        """Tokens of the longest sample of each row, shape (rows,)."""
        return _by_row(np.maximum, self.sample_lengths, self.samples)

    @cached_property
    def row_trained(self) -> Places:
        """Learned tokens of each row, shape (rows,)."""
        return _by_row(np.add, self.sample_trained, self.samples)


def _by_row(reduce: np.ufunc, values: Places, samples: Places) -> Places:
    """Values of samples made one for each row; each row has a sample at least."""
    starts = np.cumsum(samples) - samples
    return reduce.reduceat(values, starts) if len(starts) else values[:0]


_OF_ROWS = ("numbers", "keys", "untrained_turns", "samples", "first")
