"""Cards that are lost, forbidden, without memory of their own or in slices: each is said, none hides another."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from runner import gpu, host, nvml
from runner.gpu import Gpu, GpuProcess, GpuReading, GpuSample
from runner.gpu_choice import choose_gpu
from runner.store.errors import LaunchError
from runner.supervision.gpu_reader import Own, own_part
from tests.stub_nvml import RTX_4090, StubNvml
from tests.test_gpu import read
from tests.test_visible import run

TWO = {**RTX_4090, "count": "2", "1__uuid": "GPU-two"}


@pytest.mark.parametrize(
    ("code", "words"),
    [(15, "the GPU is lost"), (4, "not allowed here"), (16, "needs a reset"), (999, "unknown error")],
)
@pytest.mark.parametrize("ill", [0, 1])
def test_a_card_that_cannot_be_had_does_not_hide_the_other(
    stub: StubNvml, code: int, words: str, ill: int
) -> None:
    stub.set(**TWO | {f"{ill}__handle": f"!{code}"})
    reading, chosen = run(stub)
    assert [sample["gpu"]["index"] for sample in reading["samples"]] == [0, 1]
    assert words in reading["samples"][ill]["problem"]
    assert reading["samples"][1 - ill]["problem"] == ""
    assert chosen == reading["samples"][1 - ill]["gpu"]["uuid"]
    _, refused = run(stub, str(ill))
    first, second = refused.splitlines()
    assert first.startswith(f"GPU {ill} (GPU {ill}) cannot be used: ")
    assert second.startswith(f"Take another: --gpu {1 - ill}")


@pytest.mark.parametrize(
    "broken",
    [
        {"handle": "!15"},
        {"handle": "!4"},
        {"memory_total": "!15"},
        {"uuid": "!999"},
        {"init": "!18"},
        {"init": "!4"},
        {"count": "!999"},
    ],
    ids=str,
)
def test_the_cpu_is_never_taken_in_silence(stub: StubNvml, broken: dict[str, str]) -> None:
    stub.set(**RTX_4090 | broken)
    _, refused = run(stub)
    first, second = refused.splitlines()
    assert first.startswith("No GPU can be used: ")
    assert "`--gpu cpu`" in second
    assert run(stub, "cpu")[1] == "cpu"


@pytest.mark.parametrize("none", [{"init": "!12"}, {"init": "!9"}, {"count": "0"}], ids=str)
def test_without_a_gpu_it_is_the_cpu(stub: StubNvml, none: dict[str, str]) -> None:
    stub.set(**RTX_4090 | none)
    assert run(stub)[1] == "cpu"


@pytest.mark.parametrize(
    ("vendor", "kind", "found"),
    [("0x10de", "0x030200", True), ("0x10de", "0x040300", False), ("0x8086", "0x030000", False)],
)
def test_a_card_without_its_driver_is_seen_on_the_bus(
    tmp_path: Path, vendor: str, kind: str, found: bool
) -> None:
    device = tmp_path / "0000:01:00.0"
    device.mkdir()
    (device / "vendor").write_text(f"{vendor}\n")
    (device / "class").write_text(f"{kind}\n")
    (tmp_path / "0000:02:00.0").mkdir()
    assert nvml.is_on_bus(tmp_path) is found
    assert nvml.is_on_bus(tmp_path / "none") is False


def test_a_card_that_gets_lost_keeps_its_name(stub: StubNvml) -> None:
    code = """
import sys
from runner import gpu
def say():
    one = gpu.read_one("GPU-two")
    print(one if isinstance(one, str) else (one.gpu.name, one.problem), flush=True)
say()
input()
say()
"""
    stub.set(**TWO)
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env=stub.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == "('NVIDIA GeForce RTX 4090', '')\n"
        stub.set(**TWO | {"1__handle": "!15"})
        child.stdin.write("\n")
        child.stdin.close()
        assert "('NVIDIA GeForce RTX 4090', 'the GPU is lost" in child.stdout.readline()


def test_a_run_that_finds_its_card_lost_is_told_which_one_is(stub: StubNvml) -> None:
    stub.set(**TWO | {"1__handle": "!15"})
    code = "from runner import gpu; print(gpu.read_one('GPU-two'))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=stub.environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("this GPU is not there any more; GPU 1: the GPU is lost")


# Memory of its own


@pytest.mark.parametrize(
    "memory", [{"memory_total": "!3"}, {"memory_total": "0", "memory_free": "0"}], ids=str
)
def test_a_card_that_shares_the_hosts_memory_has_that(stub: StubNvml, memory: dict[str, str]) -> None:
    stub.set(**RTX_4090 | {"name": "NVIDIA GB10"} | memory)
    reading, chosen = run(stub)
    (sample,) = reading["samples"]
    total = psutil.virtual_memory().total // (1 << 20)
    assert sample["problem"] == ""
    assert sample["gpu"]["shares_ram"]
    assert sample["gpu"]["total_mib"] == total
    assert sample["used_mib"] + sample["free_mib"] == total
    assert chosen == RTX_4090["uuid"]


def test_other_errors_are_no_shared_memory(stub: StubNvml) -> None:
    stub.set(**RTX_4090 | {"memory_total": "!999"})
    (sample,) = read(stub)["samples"]
    assert sample["problem"]
    assert not sample["gpu"]["shares_ram"]


# Slices

SPLIT = {
    **RTX_4090,
    "name": "NVIDIA A100-SXM4-80GB",
    "uuid": "GPU-card",
    "mig": "1",
    "mig_count": "3",
    "0.0__uuid": "MIG-a",
    "0.1__uuid": "MIG-b",
    "0.2__uuid": "MIG-c",
    "0.0__profile": "1:1:9728",
    "0.1__profile": "3:3:40192",
    "0.2__profile": "3:1:40192",
    "0__memory_total": str(81920 << 20),
    "0.0__memory_total": str(9728 << 20),
    "0.0__memory_free": str(9000 << 20),
    "utilisation": "!3",
}


def test_slices_have_the_name_of_their_card_and_their_own_memory(stub: StubNvml) -> None:
    stub.set(**SPLIT)
    reading, _ = run(stub)
    gpus = [sample["gpu"] for sample in reading["samples"]]
    assert [one["name"] for one in gpus] == [
        "NVIDIA A100-SXM4-80GB MIG 1g.10gb",
        "NVIDIA A100-SXM4-80GB MIG 3g.40gb",
        "NVIDIA A100-SXM4-80GB MIG 1c.3g.40gb",
    ]
    assert [(one["index"], one["slice"]) for one in gpus] == [(0, 0), (0, 1), (0, 2)]
    assert gpus[0]["total_mib"] == 9728
    # Heat is the card's; its power says nothing of one slice.
    assert [sample["temperature_c"] for sample in reading["samples"]] == [66] * 3
    assert [sample["power_w"] for sample in reading["samples"]] == [None] * 3
    for choice, uuid in (("0.1", "MIG-b"), ("MIG-c", "MIG-c"), ("0", "MIG-a"), ("1c.3g", "MIG-c")):
        assert run(stub, choice)[1] == uuid


def test_newer_drivers_name_slices_themselves(stub: StubNvml) -> None:
    stub.set(**SPLIT | {"0.0__name": "NVIDIA A100-SXM4-80GB MIG 1g.10gb+me"})
    assert read(stub)["samples"][0]["gpu"]["name"] == "NVIDIA A100-SXM4-80GB MIG 1g.10gb+me"


def test_a_slice_that_does_not_tell_its_memory_has_that_of_its_profile(stub: StubNvml) -> None:
    stub.set(**SPLIT | {"0.0__memory_total": "!3"})
    first = read(stub)["samples"][0]
    assert (first["gpu"]["total_mib"], first["free_mib"], first["problem"]) == (9728, None, "")
    assert not first["gpu"]["shares_ram"]


def test_a_forbidden_slice_is_shown_and_not_taken(stub: StubNvml) -> None:
    stub.set(**SPLIT | {"0.0__mig_handle": "!4"})
    reading, chosen = run(stub)
    assert "not allowed here" in reading["samples"][0]["problem"]
    assert chosen in ("MIG-b", "MIG-c")


def test_a_card_in_slices_without_a_slice_cannot_be_used(stub: StubNvml) -> None:
    stub.set(**SPLIT | {"mig_count": "0"})
    reading, refused = run(stub)
    assert "nvidia-smi mig -cgi" in reading["samples"][0]["problem"]
    assert refused.startswith("No GPU can be used")


# Whose memory and whose work

CARD = Gpu(0, "GPU-1", "NVIDIA H100", 81559)


def sample(*processes: GpuProcess, use: dict[int, int] | None = None) -> GpuSample:
    by_pid = None if use is None else tuple(use.items())
    return GpuSample(CARD, processes=processes, utilisation_by_pid=by_pid)


def test_a_runs_part_of_its_gpu_is_told_from_others() -> None:
    me = psutil.Process().pid
    ours, theirs = GpuProcess(me, 6000), GpuProcess(1, 9000)
    assert own_part(sample(ours), me) == Own(6000, None, True)
    assert own_part(sample(ours, theirs, use={me: 30, 1: 70}), me) == Own(6000, 30, False)
    # In the list, and idle.
    assert own_part(sample(ours, theirs, use={1: 70}), me) == Own(6000, 0, False)
    assert own_part(sample(theirs, use={1: 70}), me) == Own()
    assert own_part(GpuSample(CARD), me) == Own()


def test_numbers_of_another_namespace_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    me, gone = psutil.Process().pid, (1 << 22) + 7
    listed = sample(GpuProcess(me, 6000), GpuProcess(gone, 9000))
    # On the host that is memory of a process that is gone; in a container the numbers are the host's.
    assert own_part(listed, me) == Own(6000, None, False)
    monkeypatch.setattr(host, "FIRST_NAMESPACE", 1)
    assert own_part(listed, me) == Own()


@pytest.mark.parametrize(
    ("told", "use"), [("4711:30,4712:70", {"4711": 30, "4712": 70}), ("", {}), ("!3", None), ("!4", None)]
)
def test_work_by_process(stub: StubNvml, told: str, use: dict[str, int] | None) -> None:
    stub.set(**RTX_4090 | {"process_utilisation": told})
    code = "import json; from runner import gpu; one = gpu.read(True).samples[0].utilisation_by_pid;"
    code += "print(json.dumps(None if one is None else dict(one)))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=stub.environment, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == use


def test_the_refusal_names_every_card() -> None:
    ill = (GpuSample(CARD, problem="lost"), GpuSample(Gpu(1, "GPU-2", "NVIDIA L4"), problem="forbidden"))
    with pytest.raises(LaunchError) as refused:
        choose_gpu(GpuReading(ill), None)
    assert str(refused.value).splitlines()[0] == (
        "No GPU can be used: GPU 0 (NVIDIA H100): lost; GPU 1 (NVIDIA L4): forbidden."
    )


def test_numbers_and_records() -> None:
    part: dict[str, Any] = Gpu(2, "MIG-a", "x", 100, is_mig=True, slice=1).as_record()
    assert part["slice"] == 1
    assert gpu.Gpu(2, "MIG-a", "x", slice=1).number == "2.1"
    assert CARD.number == "0"
