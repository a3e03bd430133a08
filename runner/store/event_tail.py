"""Reads events.jsonl as it grows: steps as blocks of numbers, everything else as records.

A run may have a million steps; one dictionary for each would take seconds and gigabytes. msgspec reads a line in a
third of a microsecond and straight into typed fields, where the standard library takes ten times as long.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import chain

import msgspec
import numpy as np
from msgspec.structs import astuple

from runner.insight.train_curve import COLUMNS, STEP_COLUMNS, Column
from runner.store.jsonl import LineTail, Record

Batch = list[Record | Column]

# No run has more; a larger number is garbage.
MOST_STEPS = 1e8
# Most pieces of this size hold nothing but steps.
PIECE_BYTES = 1 << 18


# A step event as the trainer writes it. The step itself must be there.
_Step = msgspec.defstruct(
    "_Step",
    [
        (column.key, float, math.nan) if place else (column.key, float)
        for place, column in enumerate(STEP_COLUMNS)
    ],
    gc=False,
    tag="step",
    tag_field="type",
)
_decoder = msgspec.json.Decoder(_Step)
_PREFIX = b'{"type":"step",'
_ODD = re.compile(rb'\n(?!\{"type":"step",)')


class EventTail(LineTail):
    """A LineTail that gives step events as blocks of shape (columns, k), in the order of STEP_COLUMNS, k ≥ 1.

    Lines that are not exactly what the trainer writes (NaN losses, foreign spellings, steps out of order) come as
    records, one by one; what becomes of them is History's to say.
    """

    def batch(self, limit_bytes: int) -> Batch:
        """What is new in order, from at most `limit_bytes` of file; empty when there is nothing yet."""
        found: Batch = []
        for piece in _pieces(self.read_whole(limit_bytes)):
            for text in _runs(piece):
                if text.startswith(_PREFIX):
                    found += self._steps(text)
                elif (record := self.parse(text)) is not None:
                    found.append(record)
        return found

    def _steps(self, text: bytes) -> Batch:
        """Lines that all begin as steps do."""
        block = _block(text)
        if block is not None:
            return [block]
        lines = text.split(b"\n")
        if len(lines) == 1:
            return [record] if (record := self.parse(text)) is not None else []
        # One odd line must not cost the speed of its neighbours.
        middle = len(lines) // 2
        halves = lines[:middle], lines[middle:]
        return [event for half in halves for event in self._steps(b"\n".join(half))]


def _pieces(whole: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(whole):
        end = whole.find(b"\n", start + PIECE_BYTES)
        end = len(whole) if end < 0 else end
        yield whole[start:end]
        start = end + 1


def _runs(piece: bytes) -> Iterator[bytes]:
    """Its lines in order: neighbours that all begin as steps do in one piece, every other line by itself."""
    start = 0
    if not piece.startswith(_PREFIX):
        first, newline, _ = piece.partition(b"\n")
        yield first
        if not newline:
            return
        start = len(first) + 1
    # The newline before `start` is looked at again: the second line may be odd too.
    for found in _ODD.finditer(piece, max(0, start - 1)):
        if found.start() > start:
            yield piece[start : found.start()]
        end = piece.find(b"\n", found.end())
        end = len(piece) if end < 0 else end
        yield piece[found.end() : end]
        start = end + 1
    if start < len(piece):
        yield piece[start:]


def _block(piece: bytes) -> Column | None:
    """Lines that begin as steps do as a block; None when any is not one, or they do not rise."""
    # msgspec minds neither where lines end nor text that is no UTF-8 where it is passed over.
    if not piece.isascii():
        return None
    try:
        rows = _decoder.decode_lines(piece)
    except (msgspec.MsgspecError, RecursionError):
        return None
    if len(rows) != piece.count(b"\n") + 1:
        return None
    width = len(COLUMNS)
    flat = np.fromiter(chain.from_iterable(map(astuple, rows)), float, count=width * len(rows))
    block: Column = flat.reshape(-1, width).T
    if not 1 <= block[0, 0] <= block[0, -1] <= MOST_STEPS:
        return None
    return block if bool(np.all(np.diff(block[0]) > 0)) else None
