"""Python, the training stack, and whether PyTorch, its 4-bit kernels and Triton's compiler would work on these GPUs."""

from __future__ import annotations

import platform
import sys

from runner import gpu
from runner.check.usable import of_card
from runner.doctor.check import Check, Health
from runner.gpu import GpuReading
from runner.gpu_choice import choose_gpu
from runner.machine import toolchain, torch_build, training_stack
from runner.machine.torch_build import TorchAnswer
from runner.machine.training_stack import version
from runner.store.errors import LaunchError

INSTALL = "pip install 'finetune-tui[train]'"


def package_checks() -> list[Check]:
    """Python, ftui and the packages of the training stack with their versions."""
    checks = [Check("Python", Health.OK, f"{platform.python_version()} at {sys.executable}")]
    for name in ("finetune-tui", *training_stack.STACK, "triton"):
        found = version(name)
        if found is not None:
            checks.append(Check(name, Health.OK, found, group="packages"))
        elif name in training_stack.STACK:
            health = Health.BAD if name in training_stack.NEEDED else Health.NOTE
            checks.append(Check(name, health, "not installed", command=INSTALL))
    return checks


def torch_checks(reading: GpuReading) -> list[Check]:
    """Whether the installed PyTorch can use each GPU, and whether a 4-bit layer computes on the one a run would get."""
    if version("torch") is None:
        return [Check("4-bit kernels", Health.NOTE, "not tried: torch is missing")]
    try:
        chosen = choose_gpu(reading, None)
    except LaunchError:
        chosen = None
    answer = torch_build.ask(chosen.uuid if chosen is not None else None)
    if isinstance(answer, str):
        return [Check("PyTorch", Health.BAD, f"does not start: {answer}", "Reinstall it:", INSTALL)]
    obstacles = _obstacles(answer, reading)
    return [*(obstacles or [_torch(answer, has_gpu=chosen is not None)]), _kernels(answer, bool(obstacles))]


def _obstacles(answer: TorchAnswer, reading: GpuReading) -> list[Check]:
    driver_cuda = gpu.cuda_version()
    found: dict[str, Check] = {}
    for sample in reading.samples:
        if not sample.problem and (one := of_card(answer.build, sample, reading.driver, driver_cuda)):
            found.setdefault(one.what, Check("PyTorch", Health.BAD, one.what, one.fix, one.command))
    return list(found.values())


def _torch(answer: TorchAnswer, has_gpu: bool) -> Check:
    build = answer.build
    codes = " ".join(build.architectures or ())
    value = f"{build.version}, {f'CUDA {build.cuda}' if build.cuda else 'without CUDA'}{f', {codes}' if codes else ''}"
    if has_gpu and not answer.available:
        why = answer.problem or "it does not say why"
        hint = (
            "Runs would train on the CPU. In a container start it with --gpus all; a MIG card needs slices."
        )
        return Check("PyTorch", Health.BAD, f"{value}: it cannot use the GPU: {why}", hint)
    return Check("PyTorch", Health.OK, value)


def _kernels(answer: TorchAnswer, is_stuck: bool) -> Check:
    if answer.nf4:
        where = answer.device or "the CPU"
        return Check("4-bit kernels", Health.NOTE if is_stuck else Health.OK, f"NF4 computes on {where}")
    if version("bitsandbytes") is None:
        return Check("4-bit kernels", Health.NOTE, "not tried: bitsandbytes is missing")
    return Check(
        "4-bit kernels",
        Health.BAD,
        answer.nf4_problem or "failed",
        "Quantised runs will fail; reinstall bitsandbytes.",
    )


def toolchain_checks(has_gpu: bool) -> list[Check]:
    """The C compiler with Python.h, which Triton needs on a GPU."""
    found = toolchain.find()
    if not found.problem:
        return [Check("C compiler", Health.OK, f"{found.compiler} with Python.h")]
    if not (has_gpu and toolchain.wanted()):
        return [Check("C compiler", Health.OK, f"{found.problem}; nothing here needs it")]
    why = "The loss cannot use Triton's kernels, which are compiled when first used: slower, and more VRAM. Install:"
    return [Check("C compiler", Health.NOTE, found.problem, why, found.fix)]
