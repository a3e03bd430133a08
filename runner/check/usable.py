"""Whether a run would really get the GPU it is for: one that trains on the CPU instead must not do so in silence."""

from __future__ import annotations

from runner import gpu
from runner.gpu import GpuReading, GpuSample
from runner.gpu_choice import UnusableGpuError, choose_gpu
from runner.machine import torch_build
from runner.machine.cuda import Obstacle, TorchBuild, obstacle

ANYWAY = "`--gpu cpu` trains on the CPU; --force launches all the same."


def ensure_usable(reading: GpuReading, gpu_choice: str | None, any_card: bool = False) -> None:
    """Raises UnusableGpuError when the GPU a run would get cannot be used by the installed PyTorch, or is sick; with
    `any_card` only when that holds for all a run may wait for. LaunchError for a choice that fits no GPU.
    """
    if gpu_choice == "cpu":
        return
    if problem := sickness(reading):
        raise UnusableGpuError(f"The GPU cannot be used: {problem}.\n`ftui doctor` says more. {ANYWAY}")
    chosen = choose_gpu(reading, gpu_choice)
    build = torch_build.installed()
    if chosen is None or build is None:
        return
    candidates = [
        sample
        for sample in reading.samples
        if not sample.problem and (sample.gpu == chosen or (any_card and gpu_choice is None))
    ]
    driver_cuda = gpu.cuda_version()
    found = [of_card(build, sample, reading.driver, driver_cuda) for sample in candidates]
    first = found[0] if found else None
    if first is not None and all(found):
        raise UnusableGpuError("\n".join(filter(None, (first.what, first.fix, first.command, ANYWAY))))


def of_card(
    build: TorchBuild, sample: GpuSample, driver: str | None, driver_cuda: str | None
) -> Obstacle | None:
    """Why a build cannot use a card; None when nothing speaks against it."""
    return obstacle(build, sample.gpu.name, sample.gpu.compute_capability, driver, driver_cuda)


def sickness(reading: GpuReading) -> str:
    """What is wrong where there is a driver or a card and nothing to train on; empty where a GPU answers, and on a
    machine without one.
    """
    if not reading.samples:
        return reading.problem if reading.is_sick else ""
    if any(not sample.problem for sample in reading.samples):
        return ""
    return "; ".join(f"{sample.gpu.name}: {sample.problem}" for sample in reading.samples)
