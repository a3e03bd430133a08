"""Whether a waiting run may start, and where: pure decisions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runner.gpu import CPU, Gpu, GpuReading, GpuSample
from runner.queue.admission import Place, before, could_take, lacking, no_place, places
from runner.queue.tickets import Ticket

SMALL = Gpu(0, "GPU-small", "NVIDIA GeForce RTX 4060", 8188)
LARGE = Gpu(1, "GPU-large", "NVIDIA GeForce RTX 4090", 24564)
OTHER = Gpu(2, "GPU-other", "NVIDIA H100 80GB HBM3", 81559)
DUMB = Gpu(3, "GPU-dumb", "NVIDIA GPU", None)
LOST = "the GPU is lost (fallen off the bus); only a reboot brings it back"


def reading(*samples: tuple[Gpu, int | None] | tuple[Gpu, int | None, str], problem: str = "") -> GpuReading:
    """GPUs with so much memory free."""
    return GpuReading(
        tuple(GpuSample(one[0], free_mib=one[1], problem=one[2] if len(one) > 2 else "") for one in samples),
        problem=problem,
    )


def place(gpu: Gpu, free: int | None) -> Place:
    return Place(gpu, free, gpu.total_mib)


MACHINE = reading((SMALL, 8000), (LARGE, 3000), (OTHER, 70_000))


# Where it could go


def test_any_gpu_is_the_one_with_most_memory_free_first() -> None:
    assert [one.gpu for one in places(Ticket(1.0), MACHINE)] == [OTHER, SMALL, LARGE]
    assert places(Ticket(1.0), MACHINE)[1] == Place(SMALL, 8000, 8188)


def test_equal_cards_are_told_apart() -> None:
    twin = replace(LARGE, index=2, uuid="GPU-twin")
    found = places(Ticket(1.0), reading((SMALL, 8000), (LARGE, 3000), (twin, 2000)))
    assert [one.name for one in found] == ["RTX 4060", "RTX 4090 (GPU 1)", "RTX 4090 (GPU 2)"]
    assert "free on RTX 4090 (GPU 2)" in lacking(Ticket(1.0, None, 20_000), found[2])


def test_slices_of_a_card_are_told_apart() -> None:
    first = Gpu(0, "MIG-a", "NVIDIA A100 MIG 1g.10gb", 9856, is_mig=True, slice=0)
    found = places(Ticket(1.0), reading((first, 9000), (replace(first, uuid="MIG-b", slice=1), 8000)))
    assert [one.name for one in found] == ["A100 MIG 1g.10gb (GPU 0.0)", "A100 MIG 1g.10gb (GPU 0.1)"]
    assert len({one.key for one in found}) == 2


def test_a_gpu_that_was_chosen_is_the_only_one() -> None:
    assert places(Ticket(1.0, "GPU-large"), MACHINE) == [Place(LARGE, 3000, 24564)]
    assert places(Ticket(1.0, "GPU-gone"), MACHINE) == []


@pytest.mark.parametrize("gpus", [MACHINE, reading(), reading(problem="the driver is not loaded")])
def test_the_cpu_is_always_there(gpus: GpuReading) -> None:
    assert places(Ticket(1.0, CPU), gpus) == [Place()]


def test_a_gpu_that_does_not_answer_is_no_place() -> None:
    gpus = reading((SMALL, None, LOST), (LARGE, 3000))
    assert [one.gpu for one in places(Ticket(1.0), gpus)] == [LARGE]
    assert places(Ticket(1.0, "GPU-small"), gpus) == []


def test_a_gpu_that_does_not_tell_its_memory_comes_last() -> None:
    found = places(Ticket(1.0), reading((DUMB, None), (SMALL, 1)))
    assert [one.gpu for one in found] == [SMALL, DUMB]


@pytest.mark.parametrize(
    ("where", "key", "name"),
    [
        (place(LARGE, 1), "GPU-large", "RTX 4090"),
        (place(OTHER, 1), "GPU-other", "H100 80GB HBM3"),
        (Place(), "cpu", "the CPU"),
    ],
)
def test_a_place_has_a_lease_and_a_short_name(where: Place, key: str, name: str) -> None:
    assert (where.key, where.name) == (key, name)


# Whether it could ever go there


@pytest.mark.parametrize(
    ("ticket", "where", "could"),
    [
        (Ticket(1.0, CPU), Place(), True),
        (Ticket(1.0, CPU), place(LARGE, 24000), False),
        (Ticket(1.0), Place(), False),
        (Ticket(1.0, "GPU-large"), Place(), False),
        (Ticket(1.0, "GPU-large"), place(LARGE, 0), True),
        (Ticket(1.0, "GPU-large"), place(SMALL, 8000), False),
        # Who chose a card waits there, whatever it has.
        (Ticket(1.0, "GPU-small", 30_000), place(SMALL, 8000), True),
        (Ticket(1.0), place(SMALL, 0), True),
        (Ticket(1.0, None, 8188), place(SMALL, 0), True),
        (Ticket(1.0, None, 8189), place(SMALL, 8000), False),
        (Ticket(1.0, None, 8189), place(LARGE, 0), True),
        (Ticket(1.0, None, 999_999), place(DUMB, None), True),
    ],
)
def test_where_a_run_could_ever_go(ticket: Ticket, where: Place, could: bool) -> None:
    assert could_take(ticket, where) is could


# Memory


@pytest.mark.parametrize(
    ("need", "free", "enough"),
    [(3000, 3000, True), (3001, 3000, False), (0, 0, True), (18_637, 12_700, False), (1, 24_564, True)],
)
def test_what_it_needs_has_to_be_free(need: int, free: int, enough: bool) -> None:
    assert (lacking(Ticket(1.0, None, need), place(LARGE, free)) == "") is enough


def test_what_is_missing_is_said_with_both_numbers() -> None:
    words = lacking(Ticket(1.0, None, 18_637), place(LARGE, 13_004))
    assert words == "it needs 18.2 GiB, and 12.7 are free on RTX 4090"


@pytest.mark.parametrize(
    ("card", "used", "is_empty"),
    [
        # A tenth of a large card, the two gigabytes of a desktop, and of a small card a quarter.
        (OTHER, 8155, True),
        (OTHER, 8157, False),
        (LARGE, 2456, True),
        (LARGE, 2458, False),
        (SMALL, 1024, True),
        (SMALL, 2047, True),
        (SMALL, 2049, False),
        (replace(SMALL, total_mib=4096), 1024, True),
        (replace(SMALL, total_mib=4096), 1025, False),
        # Of memory that is the host's too, half.
        (replace(LARGE, shares_ram=True), 12_282, True),
        (replace(LARGE, shares_ram=True), 12_283, False),
    ],
)
def test_a_run_whose_need_is_unknown_waits_for_an_empty_card(card: Gpu, used: int, is_empty: bool) -> None:
    assert card.total_mib is not None
    words = lacking(Ticket(1.0), place(card, card.total_mib - used))
    if is_empty:
        assert words == ""
    else:
        assert "its need is not known, so it waits until no other process uses" in words


def test_memory_that_is_the_hosts_too_is_said_to_be() -> None:
    spark = replace(LARGE, name="NVIDIA GB10", shares_ram=True)
    assert lacking(Ticket(1.0, None, 18_637), place(spark, 13_004)) == (
        "it needs 18.2 GiB, and 12.7 are free on GB10 (memory shared with the host)"
    )


@pytest.mark.parametrize("need", [None, 5, 999_999])
@pytest.mark.parametrize("where", [Place(), place(LARGE, None), Place(DUMB, None, None)])
def test_where_memory_is_not_told_nothing_is_missing(where: Place, need: int | None) -> None:
    assert lacking(Ticket(1.0, None, need), where) == ""


def test_of_a_card_whose_size_is_not_told_nothing_is_said_to_be_missing() -> None:
    assert lacking(Ticket(1.0), Place(DUMB, 10, None)) == ""
    assert lacking(Ticket(1.0, None, 11), Place(DUMB, 10, None)) != ""


# Who comes before


def test_the_first_of_those_ahead_is_named() -> None:
    ahead = [("a", Ticket(1.0)), ("b", Ticket(2.0))]
    assert before(place(LARGE, 1), ahead) == "a"
    assert before(place(LARGE, 1), ahead[1:]) == "b"
    assert before(place(LARGE, 1), []) == ""


@pytest.mark.parametrize(
    "ticket",
    [
        Ticket(1.0, paused=True),
        Ticket(1.0, "GPU-large", paused=True),
        Ticket(1.0, "GPU-small"),
        Ticket(1.0, CPU),
        Ticket(1.0, None, 24_565),
        Ticket(1.0, "GPU-that-was-sold"),
    ],
    ids=str,
)
def test_who_is_paused_or_could_not_go_there_keeps_nobody_waiting(ticket: Ticket) -> None:
    assert before(place(LARGE, 20_000), [("a", ticket)]) == ""
    assert before(place(LARGE, 20_000), [("a", ticket), ("b", Ticket(2.0))]) == "b"


def test_who_waits_for_memory_is_not_overtaken_on_that_card() -> None:
    """Otherwise small runs would keep a large one waiting for ever."""
    large = Ticket(1.0, None, 20_000)
    assert lacking(large, place(LARGE, 10_000))
    assert before(place(LARGE, 10_000), [("large", large)]) == "large"
    assert before(place(SMALL, 8000), [("large", large)]) == ""


def test_only_runs_on_the_cpu_keep_the_cpu() -> None:
    ahead = [("gpu", Ticket(1.0)), ("cpu", Ticket(2.0, CPU))]
    assert before(Place(), ahead) == "cpu"
    assert before(Place(), ahead[:1]) == ""


# Nowhere to go


@pytest.mark.parametrize(
    ("ticket", "gpus", "words"),
    [
        (Ticket(1.0), reading(), "no GPU answers"),
        (
            Ticket(1.0),
            reading(problem="the NVIDIA driver is not loaded"),
            "no GPU answers: the NVIDIA driver is not loaded",
        ),
        (Ticket(1.0, "GPU-large"), reading(problem="no NVIDIA GPU"), "no GPU answers: no NVIDIA GPU"),
        (Ticket(1.0, "GPU-gone"), MACHINE, "GPU GPU-gone is not in this machine any more"),
        (
            Ticket(1.0, "GPU-small"),
            reading((SMALL, None, LOST), (LARGE, 3000)),
            f"NVIDIA GeForce RTX 4060 does not answer: {LOST}",
        ),
        (Ticket(1.0), reading((SMALL, None, LOST)), f"no GPU answers: {LOST}"),
        (
            Ticket(1.0, "GPU-large"),
            replace(reading((SMALL, 100)), hidden=(LARGE,)),
            "GPU GPU-large is hidden by the CUDA_VISIBLE_DEVICES it was queued with",
        ),
    ],
)
def test_why_there_is_nowhere_to_go(ticket: Ticket, gpus: GpuReading, words: str) -> None:
    assert places(ticket, gpus) == []
    assert no_place(ticket, gpus) == words
