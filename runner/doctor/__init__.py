"""What a run would find on this machine, and whether it would do what its preset says."""

from __future__ import annotations

from runner import gpu
from runner.doctor import gpus, place, software
from runner.doctor.check import Check, Health

__all__ = ["Check", "Health", "examine"]


def examine() -> list[Check]:
    """Every check of the machine. Seconds: a process tries PyTorch and its 4-bit kernels."""
    reading = gpu.read()
    return [
        *place.system_checks(),
        *software.package_checks(),
        *gpus.gpu_checks(reading),
        *software.torch_checks(reading),
        *software.toolchain_checks(bool(reading.samples)),
        *place.disk_checks(),
        *place.config_checks(),
        *place.environment_checks(),
    ]
