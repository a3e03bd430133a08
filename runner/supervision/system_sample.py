"""One line of system.jsonl: the GPU of a run and the host, once a second.

    t, cpu_percent, ram_used_mib, ram_total_mib, trainer_rss_mib, trainer_cpu_percent
    gpu: uuid, used_mib, free_mib, own_mib, is_alone, shares_ram, utilisation_percent, own_utilisation_percent,
         temperature_c, power_w, problem
own_mib is the memory of this run's processes and own_utilisation_percent their part of its time, None where the driver
does not tell (containers, WSL; the latter also with MIG). is_alone: no other process computes there. shares_ram:
used_mib and free_mib are the host's memory, which such a GPU shares.
"""

from __future__ import annotations

import time
from typing import Any

from runner import host


def system_sample(trainer_pid: int, gpu: dict[str, Any] | None) -> dict[str, Any]:
    """The host now, and what was read of the run's GPU, if it has one."""
    load = host.read()
    sample: dict[str, Any] = {
        "t": round(time.time(), 3),
        "cpu_percent": load.cpu_percent,
        "ram_used_mib": load.ram_used_mib,
        "ram_total_mib": load.ram_total_mib,
        "trainer_rss_mib": host.tree_rss_mib(trainer_pid),
        "trainer_cpu_percent": host.tree_cpu_percent(trainer_pid),
    }
    return sample if gpu is None else {**sample, "gpu": gpu}
