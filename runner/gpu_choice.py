"""Which GPU a run gets: the one that was named, or the one with most free memory."""

from __future__ import annotations

from collections.abc import Sequence

from runner import gpu
from runner.gpu import CPU
from runner.preset.errors import nearest
from runner.store.errors import LaunchError


class UnusableGpuError(LaunchError):
    """There is a GPU, and the run could not use it; the message says why and what helps."""


def choose_gpu(reading: gpu.GpuReading, choice: str | None) -> gpu.Gpu | None:
    """The GPU named by number ('1', or '1.0' for a MIG slice), UUID or part of its name; without a name the one with
    most free memory. None for the CPU: when that is the choice, or there is no GPU at all. Raises LaunchError when the
    choice fits none, and UnusableGpuError when there are GPUs and the chosen one, or every one, cannot be used: the CPU
    would take weeks, and in silence.
    """
    if choice == CPU:
        return None
    if choice is None:
        best = max(reading.healthy, key=lambda sample: sample.free_mib or 0, default=None)
        if best is None and (reading.samples or reading.is_sick):
            raise UnusableGpuError(_none_usable(reading))
        return best.gpu if best is not None else None
    problems = {sample.gpu: sample.problem for sample in reading.samples}
    problems |= dict.fromkeys(reading.hidden, "it is hidden by CUDA_VISIBLE_DEVICES")
    healthy = [one for one, problem in problems.items() if not problem]
    # "1" is the second card, also when that is ill, and not the first whose name has a 1 in it.
    found = _numbered(choice, list(problems)) or _named(choice, healthy) or _named(choice, list(problems))
    if found is None:
        names = [one.name for one in healthy]
        hint = nearest(choice, names) or (
            f" There are: {', '.join(names)}." if names else f" {reading.problem}."
        )
        raise LaunchError(f"There is no GPU {choice!r}.{hint} `--gpu cpu` trains on the CPU.")
    if problem := problems[found]:
        raise UnusableGpuError(
            f"GPU {found.number} ({found.name}) cannot be used: {problem}.\n{_others(healthy)}"
        )
    return found


def _numbered(choice: str, gpus: Sequence[gpu.Gpu]) -> gpu.Gpu | None:
    """The one with this number or UUID; the number of a card that is split names its first slice that is listed."""
    exact = [one for one in gpus if choice in (one.number, one.uuid)]
    return next(iter(exact or [one for one in gpus if choice == str(one.index)]), None)


def _named(choice: str, gpus: Sequence[gpu.Gpu]) -> gpu.Gpu | None:
    return next((one for one in gpus if choice.lower() in one.name.lower()), None)


def _others(healthy: Sequence[gpu.Gpu]) -> str:
    names = ", ".join(f"--gpu {one.number} ({one.name})" for one in healthy)
    return (
        f"Take another: {names}."
        if names
        else "`ftui doctor` shows every GPU; `--gpu cpu` trains on the CPU."
    )


def _none_usable(reading: gpu.GpuReading) -> str:
    """Two lines: what is with every GPU, and what can be done."""
    ill = [f"GPU {one.gpu.number} ({one.gpu.name}): {one.problem}" for one in reading.samples]
    return (
        f"No GPU can be used: {'; '.join(ill) or reading.problem}.\n"
        "Mend that (`ftui doctor` shows it again), or train on the CPU on purpose with `--gpu cpu`."
    )
