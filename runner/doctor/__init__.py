"""What a run would find on this machine, and whether it would do what its preset says."""

from __future__ import annotations

from dataclasses import replace

from runner import gpu
from runner.doctor import gpus, place, software
from runner.doctor.check import Check, Health
from runner.redaction.blotting import redacted

__all__ = ["Check", "Health", "examine"]


def examine() -> list[Check]:
    """Every check of the machine, without secrets: the page is sent to others. Seconds: a process tries PyTorch and its
    4-bit kernels.
    """
    reading = gpu.read()
    found = [
        *place.system_checks(),
        *software.package_checks(),
        *gpus.gpu_checks(reading),
        *software.torch_checks(reading),
        *software.toolchain_checks(bool(reading.samples)),
        *place.disk_checks(),
        *place.config_checks(),
        *place.environment_checks(),
    ]
    return [replace(one, value=redacted(one.value), hint=redacted(one.hint)) for one in found]
