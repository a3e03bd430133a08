"""Runs that wait for a GPU and its memory, told of both by a stub of NVML."""

from __future__ import annotations

import os

import psutil
import pytest

from runner.commands.queued import rewrite
from runner.gpu import CPU
from runner.preset import files
from runner.queue import tickets
from runner.store import life
from runner.store.directory import RunDirectory, read_json
from runner.store.errors import LaunchError
from tests.run.queued import Cards, Scene, looked, over, pid, says, span, stop, trains
from tests.stub_nvml import RTX_4090

GIB = 1024


def gpu_of(run: RunDirectory) -> str | None:
    """The GPU that run.json says a run has."""
    chosen = read_json(run.run)["gpu"]
    return None if chosen is None else str(chosen["uuid"])


def seen_by(run: RunDirectory) -> str:
    """The GPUs its trainer can see."""
    return psutil.Process(trains(run)["trainer_pid"]).environ()["CUDA_VISIBLE_DEVICES"]


def test_a_run_waits_until_the_memory_it_needs_is_free(scene: Scene, cards: Cards) -> None:
    """Who has the rest does not matter: here it is another user's process."""
    cards.show(10, processes=f"{os.getpid()}:{14 << 30}")
    run = scene.add("until-stop", gpu="0", need=12 * GIB)
    assert says(run, "needs") == "it needs 12.0 GiB, and 10.0 are free on RTX 4090"
    cards.show(11.9)
    says(run, "12.0 GiB", "11.9 are free")
    waiting = psutil.Process(pid(run))
    open_files = waiting.num_fds()
    for _ in range(3):
        looked(run)
    assert waiting.num_fds() < open_files + 5
    assert gpu_of(run) is None
    cards.show(12)
    assert seen_by(run) == gpu_of(run) == "GPU-0"
    assert read_json(run.run)["gpu"]["name"] == "NVIDIA GeForce RTX 4090"
    stop(run)


def test_a_run_whose_need_is_unknown_waits_for_a_card_to_itself(scene: Scene, cards: Cards) -> None:
    cards.show(20)
    # Its ticket is gone once it starts.
    tickets.pause(scene.home, None, True)
    run = scene.add()
    assert tickets.waiting(scene.home)[0].ticket.gpu == CPU
    tickets.pause(scene.home, None, False)
    over(run, "finished")
    run = scene.add(gpu=None)
    says(run, "its need is not known", "no other process uses RTX 4090", "20.0 GiB free")
    cards.show(23.5)
    over(run, "finished")
    assert gpu_of(run) == "GPU-0"


def test_two_gpus_have_a_run_each_and_the_third_waits(scene: Scene, cards: Cards) -> None:
    cards.show(20, 22)
    runs = [scene.add("until-stop", gpu=None, need=GIB) for _ in range(3)]
    on_cpu = scene.add("until-stop")
    assert [seen_by(run) for run in runs[:2]] == ["GPU-1", "GPU-0"]
    assert [gpu_of(run) for run in runs[:2]] == ["GPU-1", "GPU-0"]
    assert seen_by(on_cpu) == ""
    assert gpu_of(on_cpu) is None
    says(runs[2], f"RTX 4090 (GPU 1) has {runs[0].id} on it")
    stop(runs[0])
    assert seen_by(runs[2]) == "GPU-1"
    assert span(runs[0])[1] <= read_json(runs[2].run)["started_at"]
    stop(on_cpu)
    assert [life.is_alive(run) for run in runs] == [False, True, True]


def test_a_run_too_large_for_one_card_keeps_the_other_free_for_nobody(scene: Scene, cards: Cards) -> None:
    """It waits for a card it could have; the next one takes that it could never have."""
    cards.show(20, 2)
    first = scene.add("until-stop", gpu="1", need=20 * GIB)
    says(first, "needs 20.0 GiB", "2.0 are free")
    second = scene.add("until-stop", gpu="1", need=GIB)
    says(second, "it comes after", first.id)
    third = scene.add("until-stop", gpu=None, need=GIB)
    assert seen_by(third) == "GPU-0"


def test_a_gpu_that_is_gone_is_waited_for(scene: Scene, cards: Cards) -> None:
    cards.show(10, 10)
    run = scene.add("until-stop", gpu="1", need=12 * GIB)
    says(run, "it needs 12.0 GiB")
    cards.show(20)
    says(run, "GPU GPU-1 is not in this machine any more")
    cards.show(20, None)
    says(run, "NVIDIA GeForce RTX 4090 does not answer", "fallen off the bus")
    cards.show()
    says(run, "no GPU answers: no NVIDIA GPU")
    cards.show(20, 20)
    assert seen_by(run) == "GPU-1"
    stop(run)


@pytest.mark.parametrize(
    ("choice", "wanted", "got"), [("1", "GPU-1", "GPU-1"), ("any", None, "GPU-1"), ("cpu", CPU, None)]
)
def test_another_gpu_is_chosen_while_it_waits(
    scene: Scene, cards: Cards, choice: str, wanted: str | None, got: str | None
) -> None:
    cards.show(10, 24)
    run = scene.add("until-stop", gpu="0", need=12 * GIB)
    says(run, "10.0 are free")
    loaded = files.load(str(run.preset), scene.home)
    with pytest.raises(LaunchError, match="There is no GPU 'H900'"):
        rewrite(scene.home, run, loaded, 12 * GIB, "H900")
    before = tickets.read_ticket(run)
    assert before is not None
    assert before.gpu == "GPU-0"
    tickets.pause(scene.home, None, True)
    rewrite(scene.home, run, loaded, 12 * GIB, choice)
    after = tickets.read_ticket(run)
    assert after is not None
    assert (after.gpu, after.rank) == (wanted, before.rank)
    tickets.pause(scene.home, None, False)
    trains(run)
    assert gpu_of(run) == got
    stop(run)


def test_a_run_that_was_launched_at_once_keeps_its_gpu_from_the_queue(scene: Scene, cards: Cards) -> None:
    cards.show(20, 18)
    direct = scene.launch("until-stop", gpu="0")
    assert seen_by(direct) == "GPU-0"
    run = scene.add("until-stop", gpu=None, need=GIB)
    assert seen_by(run) == "GPU-1"
    waits = scene.add("until-stop", gpu="0", need=GIB)
    says(waits, f"RTX 4090 (GPU 0) has {direct.id} on it")
    stop(direct)
    assert seen_by(waits) == "GPU-0"


def test_the_users_own_choice_of_gpus_holds_while_a_run_waits_and_trains(
    scene: Scene, cards: Cards, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards.show(20, 22, 18)
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,0")
    # The second card has most memory free.
    runs = [scene.add("until-stop", gpu=None, need=GIB) for _ in range(2)]
    assert [seen_by(run) for run in runs] == ["GPU-0", "GPU-2"]
    waits = scene.add("until-stop", gpu=None, need=GIB)
    says(waits, f"RTX 4090 (GPU 0) has {runs[0].id} on it")
    hidden = scene.add("until-stop", gpu="1", need=GIB)
    says(hidden, "GPU GPU-1 is hidden by the CUDA_VISIBLE_DEVICES it was queued with")
    stop(runs[1])
    assert seen_by(waits) == "GPU-2"


def test_a_desktop_does_not_keep_a_small_card(scene: Scene, cards: Cards) -> None:
    cards.show(23)
    cards.stub.set(
        **RTX_4090 | {"uuid": "GPU-0", "memory_total": str(8 << 30), "memory_free": str(int(6.9 * (1 << 30)))}
    )
    run = scene.add(gpu=None)
    over(run, "finished")
    assert gpu_of(run) == "GPU-0"
