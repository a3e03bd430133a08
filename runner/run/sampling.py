"""One line of system.jsonl: the GPU of a run and the host, once a second.

    t, cpu_percent, ram_used_mib, ram_total_mib, trainer_rss_mib, trainer_cpu_percent
    gpu: uuid, used_mib, free_mib, own_mib, utilisation_percent, temperature_c, power_w, problem
own_mib is the memory of this run's processes, None where the driver does not tell (containers, WSL).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from runner import gpu, host

# The list of processes takes the driver milliseconds and its lock; five seconds is often enough.
PROCESS_SECONDS = 5.0

_own: dict[int, tuple[float, int | None]] = {}


def system_sample(record: Mapping[str, Any], trainer_pid: int) -> dict[str, Any]:
    """GPU and host now, for the run described by `record` (run.json)."""
    load = host.read()
    sample: dict[str, Any] = {
        "t": round(time.time(), 3),
        "cpu_percent": load.cpu_percent,
        "ram_used_mib": load.ram_used_mib,
        "ram_total_mib": load.ram_total_mib,
        "trainer_rss_mib": host.tree_rss_mib(trainer_pid),
        "trainer_cpu_percent": host.tree_cpu_percent(trainer_pid),
    }
    chosen = record.get("gpu")
    if isinstance(chosen, dict):
        sample["gpu"] = _gpu_sample(str(chosen.get("uuid")), trainer_pid)
    return sample


def _gpu_sample(uuid: str, trainer_pid: int) -> dict[str, Any]:
    seen, own = _own.get(trainer_pid, (0.0, None))
    ask = time.monotonic() - seen >= PROCESS_SECONDS
    reading = gpu.read(processes=ask)
    found = next((sample for sample in reading.samples if sample.gpu.uuid == uuid), None)
    if found is None:
        return {"uuid": uuid, "problem": reading.problem or "this GPU is not there any more"}
    if ask:
        own = own_memory(found, trainer_pid)
        _own[trainer_pid] = (time.monotonic(), own)
    return {
        "uuid": uuid,
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
