"""The host's load through psutil, in MiB and percent.

psutil is imported when it is asked: these types are wherever a screen is made, before anything is measured.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20
PID_NAMESPACE = Path("/proc/self/ns/pid")
# PROC_PID_INIT_INO of the kernel.
FIRST_NAMESPACE = 0xEFFFFFFC


@dataclass(frozen=True)
class HostSample:
    """CPU in percent of all cores since the last call (0.0 at the first), memory in MiB."""

    cpu_percent: float
    ram_used_mib: int
    ram_total_mib: int


def read() -> HostSample:
    """The host now."""
    import psutil

    return HostSample(psutil.cpu_percent(), *memory_mib())


def memory_mib() -> tuple[int, int]:
    """Memory in use and in all; what can be had without swapping counts as free."""
    import psutil

    memory = psutil.virtual_memory()
    return (memory.total - memory.available) // MIB, memory.total // MIB


def sees_every_pid() -> bool:
    """Whether the numbers of processes here are the kernel's own: not in a container with numbers of its own."""
    try:
        return PID_NAMESPACE.stat().st_ino == FIRST_NAMESPACE
    except OSError:
        return True


def exists(pid: int) -> bool:
    """Whether there is a process with this number, of whomever."""
    import psutil

    return bool(psutil.pid_exists(pid))


def process_tree(pid: int) -> set[int]:
    """A process and all its descendants; only itself when it is gone or hidden."""
    import psutil

    try:
        return {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))}
    except psutil.Error:
        return {pid}


def tree_rss_mib(pid: int) -> int | None:
    """Resident memory of a process and its descendants, or None when it is gone."""
    import psutil

    total = 0
    for member in process_tree(pid):
        try:
            total += psutil.Process(member).memory_info().rss
        except psutil.Error:
            continue
    return total // MIB if total else None


_spent: dict[int, tuple[float, float]] = {}


def tree_cpu_percent(pid: int) -> float | None:
    """CPU use of a process and its descendants since the last call, in percent of one core; None at the first call, and
    when the process is gone.
    """
    import psutil

    total = 0.0
    for member in process_tree(pid):
        try:
            times = psutil.Process(member).cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
    now = time.monotonic()
    before = _spent.get(pid)
    _spent[pid] = (now, total)
    if not total or before is None or now <= before[0]:
        return None
    return round(max(0.0, 100 * (total - before[1]) / (now - before[0])), 1)
