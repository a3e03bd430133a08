"""The GPU of a run, read once a second on a thread of its own: a call into a driver that hangs never comes back and
cannot be interrupted, and a run must be stoppable meanwhile.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from runner import gpu, host, nvml
from runner.xids import Xid, XidReader

SECONDS = 1.0
# The list of processes takes the driver milliseconds and its lock; so often is enough.
PROCESS_SECONDS = gpu.PROCESS_SECONDS
HANGS_AFTER_SECONDS = 10.0
# The first reading starts NVML, and where nothing keeps the driver loaded that wakes every card, one after the other.
PER_CARD_SECONDS = 5.0
HANGS = "the driver does not answer any more"


@dataclass(frozen=True)
class Own:
    """What a run has of its GPU: MiB of it, and percent of its time in the last five seconds. None where the driver
    does not tell. `is_alone`: whether no other process computes on it.
    """

    used_mib: int | None = None
    utilisation_percent: int | None = None
    is_alone: bool | None = None


class GpuReader(threading.Thread):
    """Reads one GPU for as long as the process lives."""

    def __init__(self, uuid: str) -> None:
        super().__init__(name="gpu reader", daemon=True)
        self.uuid = uuid
        self._trainer_pid = 0
        # Of which process, and when it was asked for.
        self._own: tuple[int, float, Own] = (0, 0.0, Own())
        self._looked_at = self._awake_since = time.monotonic()
        # Replaced as one value by the thread, and read as one.
        self._newest: tuple[float, dict[str, Any]] = (time.monotonic(), {"uuid": uuid})
        self._xids: deque[Xid] = deque()
        self._has_read = threading.Event()
        self._has_waited = False
        self._cards = nvml.card_count()

    @property
    def _patience(self) -> float:
        """Seconds after which a driver that has not answered hangs."""
        more = 0.0 if self._has_read.is_set() else PER_CARD_SECONDS * (self._cards - 1)
        return HANGS_AFTER_SECONDS + more

    def newest(self, trainer_pid: int) -> dict[str, Any]:
        """The `gpu` of a line of system.jsonl (system_sample.py), with the memory of this process and its children.
        Waits a second at most, and that at the first call alone.
        """
        self._trainer_pid = trainer_pid
        if not self._has_waited:
            self._has_waited = True
            self._has_read.wait(SECONDS)
        now = time.monotonic()
        if now - self._looked_at > HANGS_AFTER_SECONDS / 2:
            # This process was stopped, and so was the thread.
            self._awake_since = now
        self._looked_at = now
        at, sample = self._newest
        if now - max(at, self._awake_since) > self._patience:
            return {"uuid": self.uuid, "problem": self._hangs()}
        return sample

    def _hangs(self) -> str:
        """That it hangs, and how long was waited where that was more than usual."""
        if self._has_read.is_set() or self._cards == 1:
            return HANGS
        return f"{HANGS}: not within {self._patience:.0f} s, which {self._cards} GPUs without persistence mode may need"

    def wait_for_next(self) -> None:
        """Wait for a reading that is newer than now, or twice as long as one takes."""
        now = time.monotonic()
        while self._newest[0] < now and time.monotonic() < now + 2 * SECONDS:
            time.sleep(SECONDS / 20)

    def xids(self) -> list[Xid]:
        """The Xid errors that came since the last call."""
        return [self._xids.popleft() for _ in range(len(self._xids))]

    def run(self) -> None:
        watch = XidReader(self.uuid)
        while True:
            try:
                sample = self._read()
                self._xids.extend(watch.poll())
            except Exception as error:
                # Whatever it is must not look like a driver that hangs from now on.
                sample = {"uuid": self.uuid, "problem": f"it could not be read: {error}"}
            self._newest = (time.monotonic(), sample)
            self._has_read.set()
            time.sleep(SECONDS)

    def _read(self) -> dict[str, Any]:
        pid, now = self._trainer_pid, time.monotonic()
        of, asked_at, own = self._own
        ask = of != pid or now - asked_at >= PROCESS_SECONDS
        found = gpu.read_one(self.uuid, processes=ask)
        if isinstance(found, str):
            return {"uuid": self.uuid, "problem": found}
        if ask:
            own = own_part(found, pid)
            self._own = (pid, now, own)
        return {
            "uuid": self.uuid,
            "used_mib": found.used_mib,
            "free_mib": found.free_mib,
            "own_mib": own.used_mib,
            "is_alone": own.is_alone,
            "shares_ram": found.gpu.shares_ram,
            "utilisation_percent": found.utilisation_percent,
            "own_utilisation_percent": own.utilisation_percent,
            "temperature_c": found.temperature_c,
            "power_w": found.power_w,
            "problem": found.problem,
        }


def own_part(sample: gpu.GpuSample, pid: int) -> Own:
    """What a process and its children have of a GPU. Nothing is known where none of them is in the driver's list, or
    the list has the numbers of another namespace: then one of them may be ours by chance.
    """
    if sample.processes is None:
        return Own()
    tree = host.process_tree(pid)
    ours = [process for process in sample.processes if process.pid in tree]
    foreign = not host.sees_every_pid() and not all(host.exists(one.pid) for one in sample.processes)
    if not ours or foreign:
        return Own()
    known = [process.used_mib for process in ours if process.used_mib is not None]
    use = sample.utilisation_by_pid
    return Own(
        sum(known) if known else None,
        None if use is None else min(100, sum(percent for of, percent in use if of in tree)),
        len(ours) == len(sample.processes),
    )


def own_memory(sample: gpu.GpuSample, pid: int) -> int | None:
    """MiB of GPU memory held by a process and its children, None where the driver does not tell."""
    return own_part(sample, pid).used_mib
