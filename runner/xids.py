"""Xid errors: what the NVIDIA driver logs when a GPU, or a program on it, goes wrong. NVML tells the number alone; of
which process it is, only the kernel's log knows, and reading that takes rights that most users lack.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner import gpu, host, nvml

# After NVIDIA's "Xid Errors" catalogue. These need a reset or a reboot, whichever program was there.
FATAL = {
    46: "it stopped processing",
    48: "an uncorrectable memory error (ECC)",
    61: "its firmware stopped",
    62: "its firmware stopped",
    64: "a broken row of its memory could not be replaced",
    74: "an error on its NVLink",
    79: "it has fallen off the bus: heat, power, or a loose card; only a reboot brings it back",
    95: "a memory error that may have hit everything on it; it needs a reset",
    109: "a switch between programs took too long",
    110: "a security fault",
    119: "its system processor does not answer; it needs a reset",
    120: "its system processor stopped; it needs a reset",
    136: "a link could not be trained",
    140: "an uncorrected memory error (ECC)",
    143: "it could not be initialised",
}
# Told without blame: they stop no program.
NOTES = {
    63: "a broken row of its memory is to be replaced at the next reset",
    92: "many correctable memory errors",
}
# Of one program: they end that one alone.
PROGRAM = {
    8: "a program on it did not get on",
    13: "an exception in a kernel, mostly a fault of the program",
    31: "a kernel read or wrote memory it does not have, mostly a fault of the program",
    32: "a broken stream of commands",
    43: "a program on it was stopped by the driver",
    45: "the driver cleaned up after a program that went wrong",
    69: "an exception in a kernel, mostly a fault of the program",
    94: "a memory error that hit one program only",
}
MEANING = {**FATAL, **NOTES, **PROGRAM}
KERNEL_LOG = Path("/dev/kmsg")
MOST_BYTES = 8 << 20
# 4,1807,90126,-;NVRM: Xid (PCI:0000:c6:00): 13, pid=1101234, name=python, …
_LINE = re.compile(rb"^\d+,(\d+),[^;\n]*;.*?NVRM: Xid \([^)\n]*\): (\d+), pid='?(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Xid:
    """One Xid error; `pids` are the processes the kernel's log names with it, none where that is not to be had."""

    number: int
    pids: tuple[int, ...] = ()

    @property
    def words(self) -> str:
        return f"Xid {self.number}: {MEANING.get(self.number, 'see the catalogue of Xid errors')}"


@dataclass(frozen=True)
class Logged:
    """An Xid error in the kernel's log; `place` grows from one record to the next."""

    place: int
    number: int
    pid: int


class XidReader:
    """Xid errors of one GPU from now on."""

    MOST = 16

    def __init__(self, uuid: str) -> None:
        self._events: Any = None
        self._instance: int | None = None
        with nvml.lock:
            if not nvml.start():
                # Not every driver and no virtual machine tells events.
                self._events = nvml.value(lambda: self._register(uuid))
        self._logged = max((one.place for one in logged(KERNEL_LOG)), default=-1)

    def _register(self, uuid: str) -> Any:
        """An event set for the Xid errors of a GPU; None when there is no such GPU. Raises NVMLError."""
        import pynvml

        device = next((one for one in nvml.devices() if gpu.identify(one).uuid == uuid), None)
        if device is None:
            return None
        # A MIG slice has no events; those of its card name the GPU instance they are about.
        instances = nvml.instances(device)
        self._instance = instances[0] if instances is not None else None
        events = pynvml.nvmlEventSetCreate()
        pynvml.nvmlDeviceRegisterEvents(device.whole, pynvml.nvmlEventTypeXidCriticalError, events)
        return events

    def poll(self) -> list[Xid]:
        """Those that came since the last call, without those of other MIG slices of its card."""
        import pynvml

        found: list[int] = []
        while self._events is not None and len(found) < self.MOST:
            event = nvml.value(lambda: pynvml.nvmlEventSetWait_v2(self._events, 0))
            if event is None:
                break
            if self._instance is None or event.gpuInstanceId in (nvml.NO_INSTANCE, self._instance):
                found.append(int(event.eventData))
        if not found:
            return []
        # In a container processes have other numbers than in the kernel's log.
        lines = (
            [one for one in logged(KERNEL_LOG) if one.place > self._logged] if host.sees_every_pid() else []
        )
        self._logged = max((one.place for one in lines), default=self._logged)
        return [Xid(number, tuple(one.pid for one in lines if one.number == number)) for number in found]


def logged(path: Path) -> list[Logged]:
    """Every Xid error in the kernel's log, oldest first; empty where it may not be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return []
    parts: list[bytes] = []
    try:
        while len(parts) * 8192 < MOST_BYTES:
            try:
                # One record a call.
                part = os.read(fd, 8192)
            except BrokenPipeError:
                # Records were dropped meanwhile; the next call goes on behind them.
                continue
            if not part:
                break
            parts.append(part)
    except OSError:
        # The end: BlockingIOError.
        pass
    finally:
        os.close(fd)
    return [Logged(int(at), int(number), int(pid)) for at, number, pid in _LINE.findall(b"".join(parts))]
