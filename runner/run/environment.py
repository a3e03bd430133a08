"""The environment a trainer runs in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from runner.run.directory import RunDirectory

# Fragmentation can take half as much memory again; growing segments avoid it. Both names: torch renamed it.
ALLOCATOR = "expandable_segments:True"


def trainer_environment(run: RunDirectory, record: Mapping[str, Any]) -> dict[str, str]:
    """This process's environment with one GPU visible, the allocator set, and the stack's telemetry off.

    What the user set for allocator or telemetry stays.
    """
    environment = dict(os.environ)
    for key, value in {
        "PYTORCH_ALLOC_CONF": ALLOCATOR,
        "PYTORCH_CUDA_ALLOC_CONF": ALLOCATOR,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
        "TENSORBOARD_LOGGING_DIR": str(run.path / "tensorboard"),
        "WANDB_DIR": str(run.path),
        "TOKENIZERS_PARALLELISM": "false",
    }.items():
        environment.setdefault(key, value)
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
