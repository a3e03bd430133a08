"""The driver and the GPUs, as NVML tells of them."""

from __future__ import annotations

from runner import gpu
from runner.check.usable import sickness
from runner.doctor.check import Check, Health
from runner.gpu import GpuReading, GpuSample

ON_CPU = "Runs use the CPU: fine for the demo, far too slow for real models."


def gpu_checks(reading: GpuReading) -> list[Check]:
    """The driver, and each GPU."""
    if not reading.samples:
        if problem := sickness(reading):
            return [
                Check(
                    "GPU",
                    Health.BAD,
                    problem,
                    "Runs are refused until the driver works; --gpu cpu does without.",
                )
            ]
        return [Check("GPU", Health.NOTE, reading.problem or gpu.NO_GPU, ON_CPU)]
    driver = f"{reading.driver or '?'}, CUDA up to {gpu.cuda_version() or '?'}"
    return [Check("driver", Health.OK, driver), *map(_gpu, reading.samples)]


def _gpu(sample: GpuSample) -> Check:
    one = sample.gpu
    name = f"GPU {one.index}"
    if sample.problem:
        return Check(name, Health.BAD, f"{one.name}: {sample.problem}")
    capability = "?" if one.compute_capability is None else "{}.{}".format(*one.compute_capability)
    bf16 = {True: "bf16", False: "no bf16: fp16 is used", None: "bf16 unknown"}[one.has_bf16]
    memory = f"{_gib(sample.free_mib)} of {_gib(one.total_mib)} GiB free"
    kind = ", a MIG slice" if one.is_mig else ""
    health = Health.NOTE if one.has_bf16 is False else Health.OK
    return Check(name, health, f"{one.name}{kind}, {memory}, compute capability {capability}, {bf16}")


def _gib(mib: int | None) -> str:
    return "?" if mib is None else f"{mib / 1024:.1f}"
