"""Slices of a local file, as the library datasets writes them: train[:1000], train[10%:], train[-100:]."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SLICE = re.compile(r"(?P<name>\w+)(?:\[(?P<start>-?\d+%?)?:(?P<stop>-?\d+%?)?\])?\Z")


class SliceError(Exception):
    """A split that a local file has not; the message says which it has."""


@dataclass(frozen=True)
class Part:
    """Rows `start` up to `stop` of a file, as they are written: '10%', '-100'; empty for its ends."""

    start: str = ""
    stop: str = ""

    @property
    def needs_count(self) -> bool:
        """Whether the number of rows must be known first."""
        return any("%" in one or one.startswith("-") for one in (self.start, self.stop))

    def numbers(self, rows: int | None) -> range:
        """The 1-based numbers of its rows, of a file with so many (None: unknown, and not needed)."""
        end = rows if rows is not None else 1 << 62
        return range(1 + _place(self.start, end, 0), 1 + _place(self.stop, end, end))


def part_of(split: str) -> Part:
    """A split as it stands in a preset. Raises SliceError."""
    found = _SLICE.match(split.strip())
    if found is None:
        raise SliceError(f"{split!r} is no split; write train, train[:1000] or train[10%:]")
    if found["name"] != "train":
        raise SliceError(f"a local file has no split {found['name']!r}: all of its rows are train")
    return Part(found["start"] or "", found["stop"] or "")


def _place(text: str, rows: int, default: int) -> int:
    if not text:
        return default
    place = round(rows * int(text[:-1]) / 100) if text.endswith("%") else int(text)
    return min(rows, max(0, rows + place if place < 0 else place))
