"""A long run read by a process of its own: on the second core, while the screen is still being imported.

The columns come back in memory that both processes share, so that a million steps are not copied through a pipe.
"""

from __future__ import annotations

import gc
import mmap
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.insight.train_curve import Column
    from runner.store.directory import RunDirectory
    from runner.store.event_tail import EventTail
    from runner.store.history import History

# Reading less takes about as long as starting a process.
WORTH_BYTES = 4 << 20
# The screen takes as long to be imported as one process takes to read this.
HALVES_BYTES = 48 << 20


class Prefetch:
    """The events of a run, being read."""

    def __init__(self, run: RunDirectory) -> None:
        # The reader makes it as large as it needs.
        self._memory = os.memfd_create("ftui")
        self._reader: subprocess.Popen[bytes] | None = subprocess.Popen(
            [sys.executable, "-P", "-m", "runner.store.prefetch", str(run.path), str(self._memory)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=(self._memory,),
        )

    def take(self) -> tuple[EventTail, History] | None:
        """What was read, once; waits for it. None when it could not be read: then each reads for itself."""
        reader, self._reader = self._reader, None
        if reader is None:
            return None
        said = reader.communicate()[0]
        try:
            if reader.returncode:
                return None
            # From our own child, over a pipe no other process can write to.
            tail, history, count = pickle.loads(said)
            history.take_table(_columns(self._memory), count)
        finally:
            os.close(self._memory)
        return tail, history


def prefetch(run: RunDirectory) -> Prefetch | None:
    """Begin to read a long run; None for one that is not worth it, or when no process can be had."""
    try:
        return Prefetch(run) if run.events.stat().st_size > WORTH_BYTES else None
    except OSError:
        return None


def _columns(memory: int) -> Column:
    """The shared memory as an array of shape (columns, most rows)."""
    import numpy as np

    from runner.insight.train_curve import COLUMNS

    rows: Column = np.frombuffer(mmap.mmap(memory, 0), float).reshape(len(COLUMNS), -1)
    return rows


def main() -> int:
    """The reader's side."""
    from runner.insight.train_curve import BYTES_A_STEP
    from runner.store.directory import RunDirectory
    from runner.store.event_tail import EventTail
    from runner.store.history import LEAST_STEP_BYTES, History, fold_all
    from runner.store.parallel_read import fold_halves

    run, memory = RunDirectory(Path(sys.argv[1])), int(sys.argv[2])
    # It makes hardly any garbage and does not live long.
    gc.disable()
    tail, history = EventTail(run.events), History()
    os.ftruncate(memory, BYTES_A_STEP * (tail.left() // LEAST_STEP_BYTES + 1))
    if tail.left() > HALVES_BYTES and len(os.sched_getaffinity(0)) > 1:
        tail = fold_halves(history, run.events)
    else:
        fold_all(history, tail)
    count = history.give_table(_columns(memory))
    sys.stdout.buffer.write(pickle.dumps((tail, history, count)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
