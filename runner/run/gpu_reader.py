"""The GPU of a run, read once a second on a thread of its own: a call into a driver that hangs never comes back and
cannot be interrupted, and a run must be stoppable meanwhile.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

from runner import gpu, host

SECONDS = 1.0
# The list of processes takes the driver milliseconds and its lock; five seconds is often enough.
PROCESS_SECONDS = 5.0
# A driver that loads itself for the first reading takes seconds where nothing keeps it loaded.
HANGS_AFTER_SECONDS = 10.0
HANGS = "the driver does not answer any more"


class GpuReader(threading.Thread):
    """Reads one GPU for as long as the process lives."""

    def __init__(self, uuid: str) -> None:
        super().__init__(name="gpu reader", daemon=True)
        self.uuid = uuid
        self._trainer_pid = 0
        # Of which process, and when it was asked for.
        self._own: tuple[int, float, int | None] = (0, 0.0, None)
        self._looked_at = self._awake_since = time.monotonic()
        # Replaced as one value by the thread, and read as one.
        self._newest: tuple[float, dict[str, Any]] = (time.monotonic(), {"uuid": uuid})
        self._xids: deque[int] = deque()
        self._has_read = threading.Event()

    def newest(self, trainer_pid: int) -> dict[str, Any]:
        """The `gpu` of a line of system.jsonl (sampling.py), with the memory of this process and its children. Waits a
        second at most, and that for the first reading alone.
        """
        self._trainer_pid = trainer_pid
        self._has_read.wait(SECONDS)
        now = time.monotonic()
        if now - self._looked_at > HANGS_AFTER_SECONDS / 2:
            # This process was stopped, and so was the thread.
            self._awake_since = now
        self._looked_at = now
        at, sample = self._newest
        if now - max(at, self._awake_since) > HANGS_AFTER_SECONDS:
            self._has_read.set()
            return {"uuid": self.uuid, "problem": HANGS}
        return sample

    def xids(self) -> list[int]:
        """The Xid errors that came since the last call."""
        return [self._xids.popleft() for _ in range(len(self._xids))]

    def run(self) -> None:
        watch = gpu.XidWatch(self.uuid)
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
        reading = gpu.read(processes=ask)
        found = next((sample for sample in reading.samples if sample.gpu.uuid == self.uuid), None)
        if found is None:
            return {"uuid": self.uuid, "problem": reading.problem or "this GPU is not there any more"}
        if ask:
            own = own_memory(found, pid)
            self._own = (pid, now, own)
        return {
            "uuid": self.uuid,
            "used_mib": found.used_mib,
            "free_mib": found.free_mib,
            "own_mib": own,
            "utilisation_percent": found.utilisation_percent,
            "temperature_c": found.temperature_c,
            "power_w": found.power_w,
            "problem": found.problem,
        }


def own_memory(sample: gpu.GpuSample, pid: int) -> int | None:
    """MiB of GPU memory held by a process and its children, None when none of them is in the driver's list."""
    if sample.processes is None:
        return None
    tree = host.process_tree(pid)
    own = [process.used_mib for process in sample.processes if process.pid in tree]
    known = [used for used in own if used is not None]
    return sum(known) if known else None
