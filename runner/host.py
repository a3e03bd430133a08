"""The host's load through psutil, in MiB and percent."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

MIB = 1 << 20


@dataclass(frozen=True)
class HostSample:
    """CPU in percent of all cores since the last call (0.0 at the first), memory in MiB."""

    cpu_percent: float
    ram_used_mib: int
    ram_total_mib: int


def read() -> HostSample:
    """The host now."""
    memory = psutil.virtual_memory()
    return HostSample(psutil.cpu_percent(), (memory.total - memory.available) // MIB, memory.total // MIB)


def process_tree(pid: int) -> set[int]:
    """A process and all its descendants; only itself when it is gone or hidden."""
    try:
        return {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))}
    except psutil.Error:
        return {pid}


def tree_rss_mib(pid: int) -> int | None:
    """Resident memory of a process and its descendants, or None when it is gone."""
    total = 0
    for member in process_tree(pid):
        try:
            total += psutil.Process(member).memory_info().rss
        except psutil.Error:
            continue
    return total // MIB if total else None
