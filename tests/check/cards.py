"""Cards that are not there, and the demo judged for them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from runner.check.assess import Assessment
from runner.check.gate import pass_gate
from runner.gpu import Gpu, GpuReading, GpuSample
from runner.machine.cuda import TorchBuild
from runner.preset import files

TOTAL = 24564
# Less than the demo needs.
SMALL = 800
CUDA_BUILD = TorchBuild("2.13.0", "13.0")


@dataclass(frozen=True)
class Peaks:
    """What the demo needs at most, and most likely, in MiB."""

    high: int
    need: int


def gpus(monkeypatch: pytest.MonkeyPatch, *cards: tuple[int, int]) -> None:
    """There are cards with so much memory, and so much of it free."""
    samples = tuple(
        GpuSample(Gpu(index, f"GPU-{index}", f"NVIDIA Card {index}", total, (8, 9)), free_mib=free)
        for index, (total, free) in enumerate(cards)
    )
    reading = GpuReading(samples, "580.1", "" if samples else "no NVIDIA GPU")
    monkeypatch.setattr("runner.gpu.read", lambda processes=False: reading)
    # The PyTorch of a GPU box; here it is one without CUDA.
    monkeypatch.setattr("runner.machine.torch_build.installed", lambda: CUDA_BUILD)


def gate(home: Path, *overrides: str, gpu: str | None = None, queued: bool = True) -> Assessment:
    """The demo at the gate."""
    return pass_gate(files.load("demo", home, overrides), home, gpu, queued)
