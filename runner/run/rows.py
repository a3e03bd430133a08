"""rows.jsonl: which rows of the data each step of a run saw."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import BinaryIO

from runner.run.directory import RunDirectory
from runner.run.jsonl import parse_object

RowName = tuple[int, int]
"""(number of the source: 0 for the preset's own rows, then data.mix; 1-based number of the row in it)"""


def rows_of(run: RunDirectory, steps: Collection[int]) -> dict[int, list[RowName]]:
    """The rows of these steps; steps that were not recorded are left out. Of a step made again after a resume the last
    record counts. Found by halving the file, which may hold a million lines.
    """
    try:
        with run.rows.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            found = {step: rows for step in steps if (rows := _find(stream, size, step)) is not None}
    except OSError:
        return {}
    return found


def _find(stream: BinaryIO, size: int, step: int) -> list[RowName] | None:
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        at, _ = _line_after(stream, middle)
        if at is None or at > step:
            high = middle
        else:
            low = middle + 1
    # The last line of the step begins before `low`; steps that came again make the order imperfect, so look around.
    stream.seek(max(0, low - 65_536))
    rows = None
    for line in stream.read(131_072).split(b"\n"):
        record = parse_object(line)
        if record is not None and record.get("step") == step:
            rows = _names(record.get("rows"))
    return rows


def _line_after(stream: BinaryIO, offset: int) -> tuple[int | None, int]:
    """(step of the first whole line that begins at or after the offset, None at the end; where it begins)."""
    stream.seek(max(0, offset - 1))
    if offset:
        stream.readline()
    while line := stream.readline():
        record = parse_object(line)
        step = record.get("step") if record is not None else None
        if isinstance(step, int):
            return step, stream.tell() - len(line)
    return None, stream.tell()


def _names(value: object) -> list[RowName]:
    if not isinstance(value, list):
        return []
    return [(int(row[0]), int(row[1])) for row in value if isinstance(row, list) and len(row) == 2]
