"""The real nvidia-ml-py against a stub library: every state of the driver ends in values or a sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from runner import gpu
from runner.gpu_choice import choose_gpu
from runner.store.errors import LaunchError
from runner.supervision.gpu_reader import own_memory
from tests.stub_nvml import GIB, RTX_4090, StubNvml

READ = """
import dataclasses, json
from runner import gpu
print(json.dumps(dataclasses.asdict(gpu.read(processes=True))))
print(json.dumps(gpu.cuda_version()))
"""


def read(stub: StubNvml) -> dict[str, Any]:
    """gpu.read() in a process that finds the stub where a driver would put the library."""
    done = subprocess.run(
        [sys.executable, "-c", READ], env=stub.environment, capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout.splitlines()[0]))


def test_a_card_as_the_driver_reports_it(stub: StubNvml) -> None:
    stub.set(**RTX_4090 | {"processes": f"{os.getpid()}:{6 * GIB},999999:{GIB}"})
    reading = read(stub)
    (sample,) = reading["samples"]
    assert reading["driver"] == "580.159.03"
    assert sample["gpu"]["name"] == "NVIDIA GeForce RTX 4090"
    assert sample["gpu"]["compute_capability"] == [8, 9]
    assert (sample["used_mib"], sample["free_mib"]) == (14 * 1024, 10 * 1024)
    assert (sample["utilisation_percent"], sample["temperature_c"], sample["power_w"]) == (97, 66, 390.0)
    assert sample["processes"] == [
        {"pid": os.getpid(), "used_mib": 6 * 1024},
        {"pid": 999999, "used_mib": 1024},
    ]


def test_no_library_is_said_calmly() -> None:
    environment = {key: value for key, value in os.environ.items() if key != "LD_LIBRARY_PATH"}
    done = subprocess.run(
        [sys.executable, "-c", READ], env=environment, capture_output=True, text=True, check=True
    )
    reading = json.loads(done.stdout.splitlines()[0])
    if not reading["samples"]:
        assert "no NVIDIA GPU" in reading["problem"]


@pytest.mark.parametrize(
    ("code", "words"),
    [(9, "not loaded"), (18, "reboot"), (4, "permission"), (999, "unknown error"), (12, "no driver")],
)
def test_a_driver_that_does_not_start_is_explained(stub: StubNvml, code: int, words: str) -> None:
    stub.set(init=f"!{code}")
    reading = read(stub)
    assert reading["samples"] == []
    assert words in reading["problem"]


def test_a_lost_gpu_does_not_hide_the_other(stub: StubNvml) -> None:
    stub.set(**RTX_4090 | {"count": "2", "1__uuid": "GPU-2", "1__memory_free": "!15"})
    first, second = read(stub)["samples"]
    assert first["problem"] == ""
    assert "lost" in second["problem"]


def test_memory_of_processes_that_is_not_told_is_none(stub: StubNvml) -> None:
    stub.set(**RTX_4090 | {"processes": f"{os.getpid()}:-1"})
    (sample,) = read(stub)["samples"]
    assert sample["processes"] == [{"pid": os.getpid(), "used_mib": None}]


def test_a_process_list_that_is_refused_is_none(stub: StubNvml) -> None:
    stub.set(**RTX_4090 | {"processes": "!4"})
    assert read(stub)["samples"][0]["processes"] is None


def test_values_a_card_lacks_are_none(stub: StubNvml) -> None:
    bare = {key: RTX_4090[key] for key in ("count", "name", "uuid", "memory_total", "memory_free")}
    stub.set(**bare)
    (sample,) = read(stub)["samples"]
    assert sample["used_mib"] == 14 * 1024
    for name in ("utilisation_percent", "temperature_c", "power_w"):
        assert sample[name] is None
    assert sample["gpu"]["compute_capability"] is None


def test_mig_slices_stand_in_for_their_card(stub: StubNvml) -> None:
    slices = {"0.0__uuid": "MIG-a", "0.1__uuid": "MIG-b", "0.1__memory_free": str(3 * GIB)}
    stub.set(**RTX_4090 | {"mig": "1", "mig_count": "2", "utilisation": "!3"} | slices)
    first, second = read(stub)["samples"]
    assert [s["gpu"]["uuid"] for s in (first, second)] == ["MIG-a", "MIG-b"]
    assert all(s["gpu"]["is_mig"] for s in (first, second))
    assert second["free_mib"] == 3 * 1024
    assert first["utilisation_percent"] is None


def card(index: int, name: str, free: int, problem: str = "") -> gpu.GpuSample:
    return gpu.GpuSample(gpu.Gpu(index, f"GPU-{index}", name, 24000, (8, 9)), 0, free, problem=problem)


def test_the_gpu_with_most_free_memory_is_taken_and_any_can_be_named() -> None:
    reading = gpu.GpuReading(
        (card(0, "RTX 4090", 100), card(1, "RTX 3090", 900), card(2, "A100", 9000, "lost"))
    )
    names = {choice: choose_gpu(reading, choice) for choice in (None, "0", "GPU-1", "4090", "cpu")}
    assert [g.index if g else None for g in names.values()] == [1, 0, 1, 0, None]
    with pytest.raises(LaunchError, match="A100"):
        choose_gpu(reading, "A100")
    assert choose_gpu(gpu.GpuReading(problem="no NVIDIA GPU"), None) is None


def test_a_number_is_an_index_before_it_is_part_of_a_name() -> None:
    cards = [gpu.Gpu(index, f"GPU-{index}", "NVIDIA H100 80GB HBM3") for index in range(3)]
    reading = gpu.GpuReading(tuple(gpu.GpuSample(card) for card in cards))
    chosen = [choose_gpu(reading, choice) for choice in ("0", "1", "2", "GPU-2", "h100", "80")]
    assert [card.index for card in chosen if card is not None] == [0, 1, 2, 2, 0, 0]


def test_own_memory_is_that_of_the_process_tree() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        listed = (gpu.GpuProcess(os.getpid(), 100), gpu.GpuProcess(child.pid, 50), gpu.GpuProcess(1, 7))
        sample = gpu.GpuSample(gpu.Gpu(0, "x", "y"), processes=listed)
        assert own_memory(sample, os.getpid()) == 150
        assert own_memory(sample, child.pid) == 50
        hidden = gpu.GpuSample(gpu.Gpu(0, "x", "y"), processes=(gpu.GpuProcess(os.getpid(), None),))
        assert own_memory(hidden, os.getpid()) is None
    finally:
        child.communicate()
