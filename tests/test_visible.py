"""CUDA_VISIBLE_DEVICES by CUDA's rules, and what a Slurm job was given: pure, and through a driver's stub."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from runner.visible import Named, Visible, outside_slurm, visible
from tests.stub_nvml import RTX_4090, StubNvml

A100, A4000 = "NVIDIA A100 80GB PCIe", "NVIDIA RTX A4000"
FOUR = tuple(Named(n, f"GPU-{n}abc", A100, speed=9) for n in range(4))
MIXED = (Named(0, "GPU-small", A4000, speed=5), Named(1, "GPU-large", A100, speed=9))
SPLIT = (
    Named(0, "GPU-whole", A100),
    Named(1, "MIG-a1", A100, "GPU-split", (1, 0)),
    Named(1, "MIG-a2", A100, "GPU-split", (2, 0)),
)
BY_BUS = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def test_without_it_every_gpu_is_there() -> None:
    assert visible({}, FOUR) == Visible((0, 1, 2, 3))


@pytest.mark.parametrize(
    ("text", "places", "refused"),
    [
        ("2,0", (2, 0), ""),
        (" 2 , 0", (2, 0), ""),
        ("", (), ""),
        (" ", (), ""),
        ("-1", (), "-1"),
        ("0,2,-1,1", (0, 2), "-1"),
        ("0,7,1", (0,), "7"),
        ("7", (), "7"),
        ("1,,2", (1,), ""),
        # What C's strtoul reads.
        ("1gpu,2", (1, 2), ""),
        ("none", (), "none"),
        ("NoDevFiles", (), "NoDevFiles"),
        # A repeated device: none at all.
        ("1,1", (), "1"),
        ("GPU-2abc", (2,), ""),
        ("GPU-3,GPU-1", (3, 1), ""),
        ("GPU-3,GPU-9,GPU-1", (3,), "GPU-9"),
        # More than one begins so.
        ("GPU-", (), "GPU-"),
        # Its kind is that of the first entry.
        ("GPU-1,2", (1,), "2"),
        ("2,GPU-1", (2,), "GPU-1"),
        ("GPU-1,GPU-1abc", (), "GPU-1abc"),
        ("gpu-1abc", (), "gpu-1abc"),
    ],
)
def test_it_is_read_as_cuda_does(text: str, places: tuple[int, ...], refused: str) -> None:
    assert visible({"CUDA_VISIBLE_DEVICES": text}, FOUR) == Visible(places, refused)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("MIG-a2", (2,)),
        ("MIG-a", ()),
        ("MIG-GPU-split/2/0", (2,)),
        ("MIG-GPU-split/3/0", ()),
        ("GPU-split", (1, 2)),
        ("1", (1, 2)),
        ("0", (0,)),
    ],
)
def test_slices_are_named_by_uuid_or_come_with_their_card(text: str, places: tuple[int, ...]) -> None:
    assert visible({"CUDA_VISIBLE_DEVICES": text, **BY_BUS}, SPLIT).places == places


def test_numbers_count_the_fastest_card_first_and_that_is_said() -> None:
    found = visible({"CUDA_VISIBLE_DEVICES": "0"}, MIXED)
    assert found.places == (1,)
    assert f"taken to mean 0 = {A100} (GPU 1), 1 = {A4000} (GPU 0)" in found.assumed
    assert visible({"CUDA_VISIBLE_DEVICES": "0", **BY_BUS}, MIXED) == Visible((0,))
    assert visible({"CUDA_VISIBLE_DEVICES": "GPU-s"}, MIXED) == Visible((0,))


def test_forbidden_cards_are_not_counted() -> None:
    """Inside a cgroup CUDA sees the job's cards alone, and so Slurm's own numbers there begin at 0."""
    cards = (replace(FOUR[0], is_forbidden=True), FOUR[1], replace(FOUR[2], is_forbidden=True), FOUR[3])
    assert visible({"CUDA_VISIBLE_DEVICES": "0,1"}, cards).places == (1, 3)
    assert outside_slurm({"SLURM_JOB_GPUS": "1,3"}, cards) == ("", frozenset())


@pytest.mark.parametrize(
    ("environment", "outside"),
    [
        ({"SLURM_JOB_GPUS": "2,3"}, {0, 1}),
        ({"SLURM_JOB_GPUS": "1-3"}, {0}),
        ({"SLURM_JOB_GPUS": "2,3", "SLURM_STEP_GPUS": "3"}, {0, 1, 2}),
        ({"SLURM_JOB_GPUS": ""}, set()),
        ({"SLURM_JOB_GPUS": "gpu:a100:2"}, set()),
        ({"SLURM_JOB_GPUS": "8,9"}, set()),
        ({"SLURM_JOB_GPUS": "0-3"}, set()),
    ],
)
def test_a_slurm_job_has_the_gpus_it_was_given(environment: dict[str, str], outside: set[int]) -> None:
    assert outside_slurm(environment, FOUR)[1] == outside


def test_slurm_counts_device_files() -> None:
    cards = [replace(one, minor=3 - one.card) for one in FOUR]
    assert outside_slurm({"SLURM_JOB_GPUS": "0"}, cards) == ("SLURM_JOB_GPUS=0", frozenset({0, 1, 2}))


# Through the driver

READ = """
import dataclasses, json, sys
from runner import gpu
from runner.supervision.launch import LaunchError, choose_gpu
reading = gpu.read()
try:
    chosen = choose_gpu(reading, sys.argv[1] or None)
    chosen = chosen.uuid if chosen else "cpu"
except LaunchError as error:
    chosen = str(error)
print(json.dumps({"reading": dataclasses.asdict(reading), "chosen": chosen}))
"""


def box(stub: StubNvml, **more: str) -> None:
    """Four cards; the second has most memory free."""
    values = {**RTX_4090, "count": "4", "1__memory_free": str(20 << 30)}
    stub.set(**values | {f"{n}__uuid": f"GPU-{n}" for n in range(4)} | more)


def run(stub: StubNvml, choice: str = "", **environment: str) -> tuple[dict[str, Any], str]:
    done = subprocess.run(
        [sys.executable, "-c", READ, choice],
        env=stub.environment | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    return found["reading"], found["chosen"]


def uuids(reading: dict[str, Any]) -> list[str]:
    return [sample["gpu"]["uuid"] for sample in reading["samples"]]


def test_what_it_hides_is_neither_listed_nor_chosen(stub: StubNvml) -> None:
    box(stub)
    assert run(stub)[1] == "GPU-1"
    reading, chosen = run(stub, CUDA_VISIBLE_DEVICES="3,2")
    assert uuids(reading) == ["GPU-3", "GPU-2"]
    assert [one["uuid"] for one in reading["hidden"]] == ["GPU-0", "GPU-1"]
    assert chosen == "GPU-3"
    _, refused = run(stub, "1", CUDA_VISIBLE_DEVICES="3,2")
    assert refused.splitlines() == [
        "GPU 1 (NVIDIA GeForce RTX 4090) cannot be used: it is hidden by CUDA_VISIBLE_DEVICES.",
        "Take another: --gpu 3 (NVIDIA GeForce RTX 4090), --gpu 2 (NVIDIA GeForce RTX 4090).",
    ]


@pytest.mark.parametrize("text", ["", "-1"])
def test_with_every_gpu_hidden_it_is_the_cpu(stub: StubNvml, text: str) -> None:
    box(stub)
    reading, chosen = run(stub, CUDA_VISIBLE_DEVICES=text)
    assert chosen == "cpu"
    assert reading["problem"] == f"CUDA_VISIBLE_DEVICES={text} hides every GPU"


def test_a_name_of_nothing_is_refused(stub: StubNvml) -> None:
    box(stub)
    reading, chosen = run(stub, CUDA_VISIBLE_DEVICES="9")
    assert uuids(reading) == []
    first, second = chosen.splitlines()
    assert first.startswith(
        "No GPU can be used: CUDA_VISIBLE_DEVICES=9: CUDA stops at '9', which names no GPU here"
    )
    assert "--gpu cpu" in second
    assert run(stub, "cpu", CUDA_VISIBLE_DEVICES="9")[1] == "cpu"
    reading, chosen = run(stub, CUDA_VISIBLE_DEVICES="2,9,1")
    assert chosen == "GPU-2"
    assert "CUDA stops at '9'" in reading["note"]


def test_the_order_of_unlike_cards_is_said(stub: StubNvml) -> None:
    fast = {"0__cores": "6144", "cores": "16384", "sm_clock": "2520", "0__name": "NVIDIA RTX A4000"}
    box(stub, **fast)
    reading, _ = run(stub, CUDA_VISIBLE_DEVICES="3")
    assert uuids(reading) == ["GPU-0"]
    assert "3 = NVIDIA RTX A4000 (GPU 0)" in reading["note"]
    reading, _ = run(stub, CUDA_VISIBLE_DEVICES="3", CUDA_DEVICE_ORDER="PCI_BUS_ID")
    assert uuids(reading) == ["GPU-3"]
    assert reading["note"] == ""


def test_cards_of_other_jobs_are_shown_and_not_taken(stub: StubNvml) -> None:
    box(stub)
    reading, chosen = run(stub, SLURM_JOB_GPUS="2,3")
    problems = [sample["problem"] for sample in reading["samples"]]
    assert problems == ["not given to this Slurm job (SLURM_JOB_GPUS=2,3)"] * 2 + ["", ""]
    assert chosen == "GPU-2"
    # The same by cgroups.
    box(stub, **{"0__handle": "!4", "1__handle": "!4"})
    reading, chosen = run(stub, SLURM_JOB_GPUS="2,3", CUDA_VISIBLE_DEVICES="1")
    assert uuids(reading) == ["GPU-3"]
    reading, chosen = run(stub, SLURM_JOB_GPUS="2,3")
    assert "a cgroup or Slurm keeps it from you" in reading["samples"][0]["problem"]
    assert chosen == "GPU-2"


def test_a_slice_is_chosen_by_its_uuid(stub: StubNvml) -> None:
    split = {"0__mig": "1", "mig_count": "2", "0.0__uuid": "MIG-a", "0.1__uuid": "MIG-b", "gpu_instance": "1"}
    box(stub, compute_instance="0", **split | {"0.1__gpu_instance": "2"})
    for name in ("MIG-b", "MIG-GPU-0/2/0"):
        assert run(stub, CUDA_VISIBLE_DEVICES=name)[1] == "MIG-b"


def test_the_run_is_watched_whatever_the_supervisors_own_setting(stub: StubNvml) -> None:
    """It may be taken over from another shell."""
    box(stub)
    code = "from runner import gpu; print(gpu.read_one('GPU-1').used_mib, gpu.read_one('GPU-7'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=stub.environment | {"CUDA_VISIBLE_DEVICES": "3"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "4096 this GPU is not there any more\n"
