"""Reads events.jsonl as it grows: steps as blocks of numbers, everything else as records.

A run may have a million steps; one dictionary for each would take seconds and gigabytes. msgspec reads a line in a
third of a microsecond and straight into typed fields, where the standard library takes ten times as long.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np

from runner.insight.curves import Column
from runner.run.jsonl import LineTail, Record

Batch = list[Record | Column]


class _Step(msgspec.Struct, gc=False):
    """A step event; the fields in the order of curves.COLUMNS. Other types of event fit too, and are told by `type`."""

    type: str
    step: float = math.nan
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
        lines = self.read_lines(limit_bytes)
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
        try:
            rows = _decoder.decode_lines(b"\n".join(lines))
        except msgspec.MsgspecError:
            rows = []
        block = np.array(
            [(r.step, r.epoch, r.loss, r.lr, r.grad_norm, r.tokens, r.step_s, r.accuracy, r.t) for r in rows]
        ).T
        if len(rows) == len(lines) and block[0, 0] >= 1 and bool(np.all(np.diff(block[0]) > 0)):
            return [block]
        if len(lines) == 1:
            return [record] if (record := self.parse(lines[0])) is not None else []
        # One odd line must not cost the speed of its neighbours.
        middle = len(lines) // 2
        return [*self._steps(lines[:middle]), *self._steps(lines[middle:])]
