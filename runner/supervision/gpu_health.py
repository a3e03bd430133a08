"""What goes wrong with the GPU of a run while it trains: NVML's problems with it, and the Xid errors of its driver.

An Xid error counts against a run when it is one of the card as a whole (xids.FATAL), or when it is known to be of this
run's processes: by the kernel's log, or because no other program was on the card. Either is forgotten after a while: a
run that goes on for an hour did not die of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from runner import host
from runner.supervision.gpu_reader import PROCESS_SECONDS, GpuReader
from runner.xids import FATAL, NOTES, Xid

RECENT_SECONDS = 300.0


class GpuHealth:
    """Watches the GPU of a run (`record` is its run.json), if it has one; every trouble is passed to `warn` once."""

    def __init__(self, record: Mapping[str, Any], warn: Callable[[str, str], None]) -> None:
        chosen = record.get("gpu")
        self._reader = GpuReader(str(chosen.get("uuid"))) if isinstance(chosen, dict) else None
        if self._reader is not None:
            self._reader.start()
        self._warn = warn
        self._problem = ""
        # The newest Xid error that counts, and when it came.
        self._xid: tuple[float, str] = (0.0, "")
        # When it was last known whether the run has the GPU alone: the driver forgets a process as it ends.
        self._alone = (0.0, False)
        # When what does not count was last told: a neighbour that goes wrong every second must not fill the log.
        self._told: dict[str, float] = {}

    @property
    def trouble(self) -> str:
        """What the GPU has now, or had shortly before; empty while all is well."""
        at, words = self._xid
        return self._problem or (words if time.monotonic() - at < RECENT_SECONDS else "")

    def look(self, trainer_pid: int) -> dict[str, Any] | None:
        """Judge the newest reading; returns it, for system.jsonl. None for a run without a GPU."""
        if self._reader is None:
            return None
        sample = self._reader.newest(trainer_pid)
        self.judge(sample, self._reader.xids(), trainer_pid)
        return sample

    def look_again(self, trainer_pid: int) -> None:
        """Judge one more reading: what ended the trainer may be told only now."""
        if self._reader is not None:
            self._reader.wait_for_next()
            self.look(trainer_pid)

    def judge(self, sample: Mapping[str, Any], xids: Sequence[Xid] = (), trainer_pid: int = 0) -> None:
        """Tell what is new in a reading, and the Xid errors that came with it."""
        now = time.monotonic()
        alone = sample.get("is_alone")
        if isinstance(alone, bool):
            self._alone = (now, alone)
        elif now - self._alone[0] > 2 * PROCESS_SECONDS:
            self._alone = (now, False)
        for xid in xids:
            self._take(xid, trainer_pid)
        problem = str(sample.get("problem") or "")
        if problem and problem != self._problem:
            self._warn("gpu", f"The GPU: {problem}.")
        elif self._problem and not problem:
            self._warn("gpu", "The GPU answers again.")
        self._problem = problem

    def _take(self, xid: Xid, trainer_pid: int) -> None:
        counts, whose = xid.number in FATAL, ""
        if xid.number not in FATAL and xid.number not in NOTES:
            counts, whose = _attribute(xid, trainer_pid, self._alone[1])
        words, now = f"The GPU: {xid.words}{whose}.", time.monotonic()
        if counts:
            self._xid = (now, xid.words)
        elif now - self._told.get(words, -RECENT_SECONDS) < RECENT_SECONDS:
            return
        self._told[words] = now
        self._warn("xid", words)


def _attribute(xid: Xid, trainer_pid: int, is_alone: bool) -> tuple[bool, str]:
    """Whether an error of one program is of this run, and what is said of whose it is where that is not plain."""
    if xid.pids:
        is_own = bool(host.process_tree(trainer_pid) & set(xid.pids))
        return is_own, "" if is_own else f" (of another program, process {xid.pids[-1]}; not of this run)"
    if is_alone:
        return True, ""
    return False, " (of which program is not known)"
