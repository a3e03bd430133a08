"""A very long file of events, read by two processes: it is all work of the processor, and most machines have a second
core.
"""

from __future__ import annotations

import mmap
import os
import pickle
from pathlib import Path

import numpy as np

from runner import safe_open
from runner.insight.train_curve import BYTES_A_STEP, COLUMNS, Column
from runner.store.event_tail import PIECE_BYTES, EventTail
from runner.store.history import LEAST_STEP_BYTES, History
from runner.store.jsonl import Record

# Of the second half: a record, or the first and the last row (not itself) of a block in the memory both share.
Event = Record | tuple[int, int]


def fold_halves(history: History, path: Path) -> EventTail:
    """Fold everything there is, the second half of it read by a child; returns the tail to go on with. Only for a
    process of one thread. Raises OSError, also when the file is replaced meanwhile or the child dies.
    """
    size = path.stat().st_size
    middle = _next_line(path, size // 2)
    rows = (size - middle) // LEAST_STEP_BYTES + 1
    table: Column = np.frombuffer(mmap.mmap(-1, BYTES_A_STEP * rows)).reshape(len(COLUMNS), rows)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _read_second(path, middle, table, writing)
    os.close(writing)
    history.expect(size)
    tail = EventTail(path)
    while tail.offset < middle:
        for event in tail.batch(min(PIECE_BYTES, middle - tail.offset)):
            history.fold(event)
        if tail.restarts or (tail.offset < middle and not tail.has_more):
            raise OSError(f"{path} became shorter")
    with os.fdopen(reading, "rb") as answer:
        said = answer.read()
    if os.waitpid(child, 0)[1]:
        raise OSError(f"the reader of the second half of {path} died")
    # From our own child, over a pipe no other process can write to.
    second, events = pickle.loads(said)
    for event in events:
        history.fold(event if isinstance(event, dict) else table[:, slice(*event)])
    second.bad_lines += tail.bad_lines
    return second  # type: ignore[no-any-return]


def _read_second(path: Path, start: int, table: Column, answer: int) -> None:
    """The child's part; never returns."""
    code = 1
    try:
        tail, events, count = EventTail(path, start=start), list[Event](), 0
        while True:
            for event in tail.batch(PIECE_BYTES):
                if isinstance(event, dict):
                    events.append(event)
                else:
                    end = count + event.shape[1]
                    table[:, count:end] = event
                    events.append((count, end))
                    count = end
            if not tail.has_more:
                break
        with os.fdopen(answer, "wb") as out:
            pickle.dump((tail, events), out)
        code = int(tail.restarts > 0)
    finally:
        os._exit(code)


def _next_line(path: Path, place: int) -> int:
    """Where the first line begins after a place."""
    with safe_open.open_binary(path) as file:
        file.seek(place)
        # A line of half a gigabyte is not held to find its end.
        while (piece := file.readline(PIECE_BYTES)) and not piece.endswith(b"\n"):
            pass
        return file.tell()
