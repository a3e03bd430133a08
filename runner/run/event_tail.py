"""Reads events.jsonl as it grows: steps as blocks of numbers, everything else as records.

A run may have a million steps; one dictionary for each would take seconds and gigabytes. msgspec reads a line in a
third of a microsecond and straight into typed fields, where the standard library takes ten times as long.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain

import msgspec
import numpy as np
from msgspec.structs import astuple

from runner.insight.curves import COLUMNS, Column
from runner.run.jsonl import LineTail, Record

Batch = list[Record | Column]

# No run has more; a larger number is garbage.
MOST_STEPS = 1e8
# Most pieces of this size hold nothing but steps.
PIECE_BYTES = 1 << 18


class _Step(msgspec.Struct, gc=False, tag="step", tag_field="type"):
    """A step event as the trainer writes it; the fields in the order of curves.COLUMNS."""

    step: float
    epoch: float = math.nan
    loss: float = math.nan
    lr: float = math.nan
    grad_norm: float = math.nan
    tokens: float = math.nan
    step_s: float = math.nan
    accuracy: float = math.nan
    t: float = math.nan


_decoder = msgspec.json.Decoder(_Step)
_PREFIX = b'{"type":"step",'


class EventTail(LineTail):
    """A LineTail that gives step events as blocks of shape (9, k), in the order of curves.COLUMNS, k ≥ 1.

    Lines that are not exactly what the trainer writes (NaN losses, foreign spellings, steps out of order) come as
    records, one by one; what becomes of them is History's to say.
    """

    def batch(self, limit_bytes: int) -> Batch:
        """What is new in order, from at most `limit_bytes` of file; empty when there is nothing yet."""
        found: Batch = []
        for piece in _pieces(self.read_whole(limit_bytes)):
            block = _block(piece)
            found += [block] if block is not None else self._mixed(piece.split(b"\n"))
        return found

    def _mixed(self, lines: list[bytes]) -> Batch:
        """Lines of which some are no steps."""
        batch: Batch = []
        start = 0
        while start < len(lines):
            end = start
            while end < len(lines) and lines[end].startswith(_PREFIX):
                end += 1
            if end > start:
                batch += self._steps(lines[start:end])
            elif (record := self.parse(lines[end])) is not None:
                batch.append(record)
            start = max(end, start + 1)
        return batch

    def _steps(self, lines: list[bytes]) -> Batch:
        block = _block(b"\n".join(lines))
        if block is not None:
            return [block]
        if len(lines) == 1:
            return [record] if (record := self.parse(lines[0])) is not None else []
        # One odd line must not cost the speed of its neighbours.
        middle = len(lines) // 2
        return [*self._steps(lines[:middle]), *self._steps(lines[middle:])]


def _pieces(whole: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(whole):
        end = whole.find(b"\n", start + PIECE_BYTES)
        end = len(whole) if end < 0 else end
        yield whole[start:end]
        start = end + 1


def _block(piece: bytes) -> Column | None:
    """Lines that are all steps in rising order as a block; None when any is not."""
    # msgspec minds neither where lines end nor a missing type, nor text that is no UTF-8 where it is passed over.
    lines = piece.count(b"\n") + 1
    if not piece.startswith(_PREFIX) or piece.count(b"\n" + _PREFIX) != lines - 1 or not piece.isascii():
        return None
    try:
        rows = _decoder.decode_lines(piece)
    except (msgspec.MsgspecError, RecursionError):
        return None
    if len(rows) != lines:
        return None
    width = len(COLUMNS)
    flat = np.fromiter(chain.from_iterable(map(astuple, rows)), float, count=width * len(rows))
    block: Column = flat.reshape(-1, width).T
    if not len(rows) or not 1 <= block[0, 0] <= block[0, -1] <= MOST_STEPS:
        return None
    return block if bool(np.all(np.diff(block[0]) > 0)) else None
