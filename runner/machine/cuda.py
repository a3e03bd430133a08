"""Whether a build of PyTorch can use a GPU with its driver: pure tables and what follows from them.

Least driver: CUDA Compatibility guide, table of minor version compatibility (13.x: 580, 12.x: 525, 11.x: 450).
Architectures of the published wheels (Linux x86-64) and what runs on what: `PYTORCH_RELEASES_CODE_CC` and
`DEVICE_REQUIREMENT` of torch/cuda/__init__.py in PyTorch 2.13; those of 12.8 from its build scripts since 2.9.
"""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass

Capability = tuple[int, int]

# Major CUDA version -> the oldest driver it runs on.
LEAST_DRIVER = {13: 580, 12: 525, 11: 450}
# CUDA version of a published wheel -> the architectures it has code for, as 10 × major + minor.
WHEEL_ARCHITECTURES: dict[str, frozenset[int]] = {
    "12.6": frozenset({50, 60, 70, 75, 80, 86, 90}),
    "12.8": frozenset({70, 75, 80, 86, 90, 100, 120}),
    "12.9": frozenset({75, 80, 86, 90, 100, 120}),
    "13.0": frozenset({75, 80, 86, 90, 100, 120}),
    "13.2": frozenset({75, 80, 86, 90, 100, 120}),
}
# Tried in this order: what the package index serves by default, then the builds for older drivers and cards.
OFFERED = ("13.0", "12.6", "12.9")
DEFAULT = OFFERED[0]
PUBLISHED = re.compile(r"\d+\.\d+\.\d+(\+cu\d+)?")


@dataclass(frozen=True)
class TorchBuild:
    """A build of PyTorch: `cuda` is the toolkit's version ('13.0'), None without CUDA; `architectures` those it has
    code for ('sm_80', 'compute_90'), None while the library itself was not asked.
    """

    version: str
    cuda: str | None = None
    hip: str | None = None
    architectures: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Obstacle:
    """Why a build cannot use a GPU, what to do, and the command that does it; empty where none does."""

    what: str
    fix: str
    command: str = ""


def least_driver(cuda: str) -> int | None:
    """The oldest driver's major number for a CUDA version; None for one that is not in the table."""
    return LEAST_DRIVER.get(_major(cuda) or 0)


def is_too_old(cuda: str, driver: str | None, driver_cuda: str | None) -> bool:
    """Whether a driver is older than a CUDA version wants. What it says of itself counts first: with the
    forward-compatibility libraries of a container an old driver runs newer CUDA. False while nothing is known.
    """
    wanted, said = _major(cuda), _major(driver_cuda)
    if wanted is not None and said is not None:
        return said < wanted
    least, number = least_driver(cuda), _major(driver)
    return least is not None and number is not None and number < least


def runs_on(code: int, capability: Capability) -> bool:
    """Whether machine code for an architecture (86) runs on a card: the same major version and no newer minor one."""
    major, minor = divmod(code, 10)
    return major == capability[0] and minor <= capability[1]


def lacks_code(build: TorchBuild, capability: Capability | None) -> bool:
    """Whether a build has no kernels for a card. False while that is not known: of a build that is not published
    nothing is assumed before the library itself was asked.
    """
    if capability is None or build.cuda is None:
        return False
    if build.architectures is not None:
        return bool(build.architectures) and not any(_covers(one, capability) for one in build.architectures)
    known = WHEEL_ARCHITECTURES.get(build.cuda) if PUBLISHED.fullmatch(build.version) else None
    return known is not None and not any(runs_on(code, capability) for code in known)


def obstacle(
    build: TorchBuild,
    name: str,
    capability: Capability | None,
    driver: str | None,
    driver_cuda: str | None = None,
) -> Obstacle | None:
    """Why this build would leave the GPU `name` idle, or fail on it; None when nothing speaks against it."""
    if build.cuda is None:
        kind = "is built for AMD GPUs" if build.hip else "has no CUDA in it"
        what = f"PyTorch {build.version} {kind}, so the {name} would stand idle and the run train on the CPU."
    elif lacks_code(build, capability) and capability is not None:
        what = (
            f"The {name} has compute capability {capability[0]}.{capability[1]}, and PyTorch {build.version} "
            f"(CUDA {build.cuda}) has no code for it: it would end in 'no kernel image is available'."
        )
    elif is_too_old(build.cuda, driver, driver_cuda):
        what = (
            f"Driver {driver or '?'} is too old for PyTorch {build.version} (CUDA {build.cuda} wants driver "
            f"{least_driver(build.cuda) or '?'} or newer): the {name} would stand idle and the run train on the CPU."
        )
    else:
        return None
    return Obstacle(what, *_fix(build, capability, driver, driver_cuda))


def has_code(cuda: str, capability: Capability | None) -> bool:
    """Whether the published build of a CUDA version has code for a card; True for one of unknown capability."""
    return capability is None or any(runs_on(code, capability) for code in WHEEL_ARCHITECTURES[cuda])


def fitting(capability: Capability | None, driver: str | None, driver_cuda: str | None) -> str | None:
    """The CUDA version of the published build for a card and its driver; None when only another driver helps."""
    return next(
        (
            cuda
            for cuda in OFFERED
            if has_code(cuda, capability) and not is_too_old(cuda, driver, driver_cuda)
        ),
        None,
    )


def index_name(cuda: str) -> str:
    """What PyTorch calls the index of its builds for a CUDA version: 'cu126'."""
    return "cu" + cuda.replace(".", "")


def install_line(build: TorchBuild, cuda: str) -> str:
    """The command that puts a build for this CUDA version in the place of the installed one."""
    release = re.match(r"\d+\.\d+\.\d+", build.version)
    wanted = f"torch=={release[0]}" if release else "torch"
    python = shlex.quote(sys.executable)
    if cuda == DEFAULT:
        # Without being forced pip keeps 2.13.0+cpu, which satisfies torch==2.13.0.
        return f"{python} -m pip install --force-reinstall {wanted}"
    return (
        f"{python} -m pip install uv && {python} -m uv pip install --python {python} "
        f"--torch-backend={index_name(cuda)} --reinstall-package torch {wanted}"
    )


def _fix(
    build: TorchBuild, capability: Capability | None, driver: str | None, driver_cuda: str | None
) -> tuple[str, str]:
    """What to do in words, and the command."""
    cuda = fitting(capability, driver, driver_cuda)
    if cuda is not None:
        driver_is_old = build.cuda is not None and not lacks_code(build, capability)
        other = (
            f"Update the NVIDIA driver to {least_driver(build.cuda or '') or '?'} or newer, or take"
            if driver_is_old
            else "Take"
        )
        return f"{other} PyTorch's {index_name(cuda)} build:", install_line(build, cuda)
    newest = next((one for one in reversed(OFFERED) if has_code(one, capability)), None)
    if newest is None:
        return "No published build of PyTorch has code for it: take another GPU.", ""
    words = f"Update the NVIDIA driver to {least_driver(newest) or '?'} or newer, then take PyTorch's"
    return f"{words} {index_name(newest)} build:", install_line(build, newest)


def _covers(architecture: str, capability: Capability) -> bool:
    """Whether 'sm_86' runs on a card, or 'compute_90' (PTX) can be compiled for it."""
    found = re.fullmatch(r"(sm|compute)_(\d+)[a-z]*", architecture)
    if found is None:
        return False
    code = int(found[2])
    return runs_on(code, capability) if found[1] == "sm" else divmod(code, 10) <= capability


def _major(version: str | None) -> int | None:
    found = re.match(r"\d+", version or "")
    return int(found[0]) if found else None
