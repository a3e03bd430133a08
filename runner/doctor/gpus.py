"""The driver and the GPUs, as NVML tells of them."""

from __future__ import annotations

from runner import gpu
from runner.check.usable import sickness
from runner.doctor.check import Check, Health
from runner.gpu import GpuReading, GpuSample
from runner.insight.figures import gib

ON_CPU = "Runs use the CPU: fine for the demo, far too slow for real models."


def gpu_checks(reading: GpuReading) -> list[Check]:
    """The driver, which GPUs a program may use, and each GPU."""
    hidden = [
        Check(f"GPU {one.number}", Health.NOTE, f"{one.name}: hidden by CUDA_VISIBLE_DEVICES")
        for one in reading.hidden
    ]
    if not reading.samples:
        if problem := sickness(reading):
            hint = "Runs are refused until that is mended, or take `--gpu cpu` on purpose."
            return [Check("GPU", Health.BAD, problem, hint), *hidden]
        return [Check("GPU", Health.NOTE, reading.problem or gpu.NO_GPU, ON_CPU), *hidden]
    driver = f"{reading.driver or '?'}, CUDA up to {gpu.cuda_version() or '?'}"
    checks = [Check("driver", Health.OK, driver)]
    if reading.note:
        checks.append(Check("which GPUs", Health.NOTE, reading.note))
    return [*checks, *map(_gpu, reading.samples), *hidden]


def _gpu(sample: GpuSample) -> Check:
    one = sample.gpu
    name = f"GPU {one.number}"
    if sample.problem:
        return Check(name, Health.BAD, f"{one.name}: {sample.problem}")
    capability = "?" if one.compute_capability is None else "{}.{}".format(*one.compute_capability)
    bf16 = {True: "bf16", False: "no bf16: fp16 is used", None: "bf16 unknown"}[one.has_bf16]
    memory = f"{_gib(sample.free_mib)} of {_gib(one.total_mib)} GiB free"
    if one.shares_ram:
        memory += " (shared with the host)"
    if sample.free_mib is None:
        memory = "its memory is not told"
    kind = ", a MIG slice" if one.is_mig else ""
    health = Health.NOTE if one.has_bf16 is False else Health.OK
    return Check(name, health, f"{one.name}{kind}, {memory}, compute capability {capability}, {bf16}")


def _gib(mib: int | None) -> str:
    return "?" if mib is None else gib(mib)
