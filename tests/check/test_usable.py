"""A run for a GPU never trains on the CPU in silence: real processes, a stub driver, a stub PyTorch."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from runner import gpu, nvml
from runner.check.usable import ensure_usable
from runner.gpu import Gpu, GpuReading, GpuSample
from runner.gpu_choice import UnusableGpuError
from runner.machine.cuda import TorchBuild
from runner.store.directory import list_runs
from tests import stub_torch
from tests.stub_nvml import RTX_4090, StubNvml

RUN = [sys.executable, "-m", "tui.cli", "run", "demo", "--detach"]


def environment(stub: StubNvml, folder: Path, **build: str | None) -> dict[str, str]:
    """A GPU box whose PyTorch is another one."""
    written = stub_torch.write(folder, **build)  # type: ignore[arg-type]
    path = os.pathsep.join([written, os.environ.get("PYTHONPATH", "")])
    return {**stub.environment, "PYTHONPATH": path}


@pytest.mark.parametrize(
    ("driver", "cuda", "build", "words", "command"),
    [
        ("550.54.15", "12040", {"cuda": "13.0"}, "550.54.15 is too old", "--torch-backend=cu126"),
        ("580.65.06", "13000", {"version": "2.13.0+cpu", "cuda": None}, "no CUDA in it", "--force-reinstall"),
    ],
)
def test_without_a_terminal_it_is_refused_with_the_command(
    stub: StubNvml,
    tmp_path: Path,
    home: Path,
    driver: str,
    cuda: str,
    build: dict[str, str | None],
    words: str,
    command: str,
) -> None:
    stub.set(**RTX_4090 | {"driver": driver, "cuda": cuda})
    env = environment(stub, tmp_path / "site", **build)
    done = subprocess.run(RUN, env=env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    assert words in done.stderr
    assert command in done.stderr
    assert "--force" in done.stderr
    assert list_runs(home) == []


def test_a_card_older_than_the_build_is_refused(stub: StubNvml, tmp_path: Path, home: Path) -> None:
    stub.set(**RTX_4090 | {"capability": "6.0", "name": "Tesla P100"})
    env = environment(stub, tmp_path / "site")
    done = subprocess.run(RUN, env=env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    assert "Tesla P100 has compute capability 6.0" in done.stderr
    assert "cu126" in done.stderr
    assert list_runs(home) == []


def test_at_a_terminal_the_person_is_asked(stub: StubNvml, tmp_path: Path, home: Path) -> None:
    stub.set(**RTX_4090 | {"driver": "550.54.15", "cuda": "12040"})
    master, slave = pty.openpty()
    try:
        process = subprocess.Popen(
            RUN,
            env=environment(stub, tmp_path / "site"),
            stdin=slave,
            stderr=slave,
            stdout=subprocess.DEVNULL,
        )
        os.close(slave)
        said = b""
        while b"[y/N]" not in said:
            said += os.read(master, 4096)
        os.write(master, b"n\n")
        assert process.wait(60) == 1
    finally:
        os.close(master)
    assert b"Train on the CPU this time?" in said
    assert list_runs(home) == []


def reading(*cards: tuple[tuple[int, int], int], problem: str = "") -> GpuReading:
    samples = tuple(
        GpuSample(
            Gpu(index, f"GPU-{index}", f"Card {index}", 24000, capability), free_mib=free, problem=problem
        )
        for index, (capability, free) in enumerate(cards)
    )
    return GpuReading(samples, "580.65.06", "" if samples else problem)


@pytest.fixture
def cuda_13(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.machine.torch_build.installed", lambda: TorchBuild("2.13.0", "13.0"))
    monkeypatch.setattr(gpu, "cuda_version", lambda: "13.0")


@pytest.mark.usefixtures("cuda_13")
def test_the_card_that_was_chosen_counts_and_in_the_queue_any() -> None:
    both = reading(((6, 0), 9000), ((8, 9), 100))
    with pytest.raises(UnusableGpuError, match="Card 0"):
        ensure_usable(both, None)
    ensure_usable(both, "1")
    ensure_usable(both, "cpu")
    ensure_usable(both, None, any_card=True)
    with pytest.raises(UnusableGpuError, match="Card 0"):
        ensure_usable(both, "0", any_card=True)
    with pytest.raises(UnusableGpuError):
        ensure_usable(reading(((6, 0), 9000), ((7, 0), 9000)), None, any_card=True)


@pytest.mark.usefixtures("cuda_13")
def test_a_sick_driver_is_no_machine_without_a_gpu() -> None:
    ensure_usable(GpuReading(problem="no NVIDIA GPU (there is no driver on this machine)"), None)
    with pytest.raises(UnusableGpuError, match="reboot to load it"):
        ensure_usable(GpuReading(problem=nvml.MEANING[18], is_sick=True), None)
    lost = reading(((8, 9), 0), problem="the GPU is lost")
    with pytest.raises(UnusableGpuError, match="Card 0: the GPU is lost"):
        ensure_usable(lost, None)
    ensure_usable(lost, "cpu")


def test_without_torch_the_launch_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.machine.torch_build.installed", lambda: None)
    ensure_usable(reading(((6, 0), 9000)), None)
