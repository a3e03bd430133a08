"""What goes wrong with the GPU of a run while it trains: NVML's problems with it, and the Xid errors of its driver."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from runner.run.gpu_reader import GpuReader

# Xid -> what it means, after NVIDIA's "Xid Errors" catalogue; those that are the program's fault and not the card's.
MEANING = {
    13: "an exception in a kernel, mostly a fault of the program",
    31: "a kernel read or wrote memory it does not have, mostly a fault of the program",
    43: "a program on it was stopped by the driver",
    45: "the driver cleaned up after a program that went wrong",
    48: "an uncorrectable memory error (ECC)",
    61: "its firmware stopped",
    62: "its firmware stopped",
    63: "a broken row of its memory is to be replaced at the next reset",
    64: "a broken row of its memory could not be replaced",
    74: "an error on its NVLink",
    79: "it has fallen off the bus: heat, power, or a loose card; only a reboot brings it back",
    92: "many correctable memory errors",
    94: "a memory error that hit one program only",
    95: "a memory error that may have hit everything on it; it needs a reset",
    109: "a switch between programs took too long",
    119: "its system processor does not answer; it needs a reset",
    120: "its system processor stopped; it needs a reset",
}


class GpuHealth:
    """Watches the GPU of a run (`record` is its run.json), if it has one; every trouble is passed to `warn` once.
    `trouble` is the newest, empty while all is well.
    """

    def __init__(self, record: Mapping[str, Any], warn: Callable[[str, str], None]) -> None:
        chosen = record.get("gpu")
        self._reader = GpuReader(str(chosen.get("uuid"))) if isinstance(chosen, dict) else None
        if self._reader is not None:
            self._reader.start()
        self._warn = warn
        self._problem = ""
        self.trouble = ""

    def look(self, trainer_pid: int) -> dict[str, Any] | None:
        """Judge the newest reading; returns it, for system.jsonl. None for a run without a GPU."""
        if self._reader is None:
            return None
        sample = self._reader.newest(trainer_pid)
        self.judge(sample, self._reader.xids())
        return sample

    def judge(self, sample: Mapping[str, Any], xids: Sequence[int] = ()) -> None:
        """Tell what is new in a reading, and the Xid errors that came with it."""
        for number in xids:
            self._note("xid", f"Xid {number}: {MEANING.get(number, 'see the catalogue of Xid errors')}")
        problem = str(sample.get("problem") or "")
        if problem and problem != self._problem:
            self._note("gpu", problem)
        elif self._problem and not problem:
            self.trouble = ""
            self._warn("gpu", "The GPU answers again.")
        self._problem = problem

    def _note(self, name: str, words: str) -> None:
        self.trouble = words
        self._warn(name, f"The GPU: {words}.")
