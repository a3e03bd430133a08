"""Driver, PyTorch, 4-bit kernels on the device by its UUID, the allocator, NVML: what has to be true before a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

from runner import gpu, xids
from runner.doctor import Health, examine
from runner.machine import torch_build
from runner.supervision.environment import ALLOCATOR
from tests.gpu.scene import Scene, device

READS = 50
SNAPSHOT = """
import json, torch
block = torch.empty(64 << 20, dtype=torch.uint8, device="cuda")
stats = torch.cuda.memory_stats()
segments = torch.cuda.memory_snapshot()
print(json.dumps({"allocated": stats["allocated_bytes.all.current"], "segments": len(segments),
                  "expandable": any(one.get("is_expandable") for one in segments)}))
"""


def run(scene: Scene) -> None:
    """Everything `ftui doctor` says, and what it does not measure."""
    for check in examine():
        if check.group != "environment":
            scene.say(f"doctor: {check.name}", check.value, "not bad", check.health is not Health.BAD)
    sample = device()
    uuid = sample.gpu.uuid if sample is not None and not scene.rehearse else None
    answer = torch_build.ask(uuid)
    nf4 = "" if isinstance(answer, str) else answer.nf4
    scene.say(
        "NF4 product and gradient",
        nf4,
        "cpu" if scene.rehearse else "cuda",
        bool(nf4) and (nf4 == "cuda") is not scene.rehearse,
    )
    if scene.rehearse or uuid is None:
        scene.say("allocator and NVML", "not without a GPU")
        return
    environment = {
        **os.environ,
        "CUDA_VISIBLE_DEVICES": uuid,
        "PYTORCH_ALLOC_CONF": ALLOCATOR,
        "PYTORCH_CUDA_ALLOC_CONF": ALLOCATOR,
    }
    done = subprocess.run(
        [sys.executable, "-c", SNAPSHOT], env=environment, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    scene.say("allocator snapshot", found, "expandable segments", found["expandable"])
    nvml(scene, uuid)


def nvml(scene: Scene, uuid: str) -> None:
    """What a reading costs, with and without processes, and whether Xid errors are told without root."""
    for processes in (False, True):
        started = time.perf_counter()
        for _ in range(READS):
            gpu.read(processes=processes)
        spent = 1000 * (time.perf_counter() - started) / READS
        scene.say(
            f"ms a reading{' with processes' if processes else ''}", round(spent, 2), "< 100", spent < 100
        )
    watch = xids.XidReader(uuid)
    scene.say("Xid errors are told", watch._events is not None, f"as uid {os.geteuid()}")
