"""rows.jsonl: which rows of the data each step of a run saw."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import BinaryIO

from runner import safe_open
from runner.store.directory import RunDirectory
from runner.store.jsonl import MOST_LINE_BYTES, parse_object

RowName = tuple[int, int]
"""(number of the source: 0 for the preset's own rows, then data.mix; 1-based number of the row in it)"""


def rows_of(run: RunDirectory, steps: Collection[int]) -> dict[int, list[RowName]]:
    """The rows of these steps; steps that were not recorded are left out. A step made again after a resume has several
    records, of which any is given: its rows are the same. Found by halving the file, which may hold a million lines.
    """
    try:
        with safe_open.open_binary(run.rows) as stream:
            size = os.fstat(stream.fileno()).st_size
            found = {step: rows for step in steps if (rows := _find(stream, size, step)) is not None}
    except OSError:
        return {}
    return found


def _find(stream: BinaryIO, size: int, step: int) -> list[RowName] | None:
    low, high, place = 0, size, None
    while low < high:
        middle = (low + high) // 2
        at, start = _line_after(stream, middle)
        if at is None or at > step:
            high = middle
        else:
            low, place = middle + 1, start if at == step else None
    if place is None:
        return None
    stream.seek(place)
    record = parse_object(stream.readline(MOST_LINE_BYTES))
    return _names(record.get("rows")) if record is not None else None


def _line_after(stream: BinaryIO, offset: int) -> tuple[int | None, int]:
    """(step of the first whole line that begins at or after the offset; None at the end, and at a line too long to be
    one of ours, behind which no step is found; where it begins).
    """
    stream.seek(max(0, offset - 1))
    if offset and not stream.readline(MOST_LINE_BYTES).endswith(b"\n"):
        return None, stream.tell()
    while (line := stream.readline(MOST_LINE_BYTES)).endswith(b"\n"):
        record = parse_object(line)
        step = record.get("step") if record is not None else None
        if isinstance(step, int) and not isinstance(step, bool):
            return step, stream.tell() - len(line)
    return None, stream.tell()


def _names(value: object) -> list[RowName]:
    if not isinstance(value, list):
        return []
    pairs = [row for row in value if isinstance(row, list) and len(row) == 2]
    return [(source, row) for source, row in pairs if type(source) is int and type(row) is int]
