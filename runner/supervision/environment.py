"""The environment a trainer runs in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.store.directory import RunDirectory

# Fragmentation can take half as much memory again; growing segments avoid it.
ALLOCATOR = "expandable_segments:True"
# torch renamed the variable; it reads both, the newer one first.
ALLOCATOR_KEYS = ("PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF")
# Where the loader, shells and Python look for things.
FOLDERS = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH")
KERNEL_RELEASE = Path("/proc/sys/kernel/osrelease")


def anchored(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment for a process that works in a run's directory: lists of folders mean what they mean here, and what
    stands for the working directory in them (an empty entry, as in `LD_LIBRARY_PATH=:/x`) is left out. A run directory
    is data, and no program, library or module is to be found in it.
    """
    found = dict(environment)
    for name in FOLDERS:
        if value := found.get(name):
            parts = [str(Path(part).absolute()) for part in value.split(os.pathsep) if part not in ("", ".")]
            found[name] = os.pathsep.join(parts)
    return found


def is_wsl() -> bool:
    """Whether this is Linux inside Windows (WSL2), whose driver has no virtual memory for growing segments."""
    try:
        return "microsoft" in KERNEL_RELEASE.read_text(encoding="ascii", errors="replace").lower()
    except OSError:
        return False


def allocator(environment: Mapping[str, str]) -> str:
    """How torch's allocator is set in an environment: the user's own setting, else ours; '' for torch's default."""
    own = next((environment[key] for key in ALLOCATOR_KEYS if key in environment), None)
    return own if own is not None else "" if is_wsl() else ALLOCATOR


def trainer_environment(run: RunDirectory, record: Mapping[str, Any]) -> dict[str, str]:
    """This process's environment with one GPU visible, the allocator set, and the stack's telemetry off.

    What the user set for allocator or telemetry stays.
    """
    environment = anchored(os.environ)
    for key, value in {
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
        "TENSORBOARD_LOGGING_DIR": str(run.path / "tensorboard"),
        "WANDB_DIR": str(run.path),
        "TOKENIZERS_PARALLELISM": "false",
    }.items():
        environment.setdefault(key, value)
    # Under both names, or the user's one would stand beside ours of the other name.
    if setting := allocator(environment):
        environment |= dict.fromkeys(ALLOCATOR_KEYS, setting)
    environment["PYTHONUNBUFFERED"] = "1"
    gpu = record.get("gpu")
    if gpu is None:
        # Threads of the CPU kernels wait for each other in a busy loop; beside another busy process (a second run is
        # enough) that made steps a hundred times slower. A short loop costs a little and never does that.
        environment.setdefault("GOMP_SPINCOUNT", "1000")
    # CUDA counts fastest card first, NVML by bus: an index would name another card, so the UUID is used. It is one of
    # those that the user's own CUDA_VISIBLE_DEVICES leaves (runner/gpu.py), so that is narrowed and never widened.
    environment["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
    environment["CUDA_VISIBLE_DEVICES"] = str(gpu["uuid"]) if isinstance(gpu, dict) else ""
    return environment
