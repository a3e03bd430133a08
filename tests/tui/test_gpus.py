"""GPUs on the screen: any number of them, ill ones, and memory of which is not known whose it is."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import OptionList

from runner.doctor.gpus import gpu_checks
from runner.gpu import Gpu, GpuReading, GpuSample
from runner.host import HostSample
from runner.store.errors import LaunchError
from tests.tui.conftest import running, screen_text, shows, until, without_load
from tui.cli.check import choose_card
from tui.messages import LoadSampled
from tui.models.run_view import RunView, figures
from tui.screens.dialog import LaunchChoice, LaunchDialog
from tui.widgets.load_bar import gpu_line, grid
from tui.widgets.metrics import memory
from tui.widgets.preset_list import PresetList

SIZES = [(80, 24), (120, 40)]
HOST = HostSample(12.0, 14000, 129000)


def card(index: int, problem: str = "", **more: Any) -> GpuSample:
    gpu = Gpu(index, f"GPU-{index}", "NVIDIA H100 80GB HBM3", 81559, (9, 0), **more)
    if problem:
        return GpuSample(gpu, problem=problem)
    return GpuSample(gpu, 14_541 + 1024 * index, 67_018 - 1024 * index, index, 50 + index, 300.0)


@pytest.mark.parametrize("count", [1, 4, 5, 8, 16])
@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_every_card_is_on_the_screen(store: Path, count: int, size: tuple[int, int]) -> None:
    async with running(size) as (app, pilot):
        await until(pilot, lambda: app.main.query_one(PresetList).option_count)
        await without_load(app, pilot)
        app.main.post_message(LoadSampled(GpuReading(tuple(map(card, range(count)))), HOST))
        await shows(pilot, *(f" {index} % " for index in range(count)))


@pytest.mark.parametrize(("count", "width", "lines"), [(5, 80, 2), (8, 80, 3), (8, 100, 2), (16, 160, 3)])
def test_many_cards_stand_beside_each_other(count: int, width: int, lines: int) -> None:
    found = grid([card(index) for index in range(count)], width, 8)
    assert len(found) == lines
    assert all(line.cell_len <= width for line in found)
    assert sum(line.plain.count(" GiB") for line in found) == count


def test_more_than_there_is_room_for_are_counted() -> None:
    slices = [card(0, is_mig=True, slice=n) for n in range(56)]
    found = grid(slices, 80, 8)
    assert len(found) == 8
    assert found[-1].plain.endswith("33 more: ftui doctor")
    assert sum(line.plain.count(" GiB") for line in found) == 56 - 33


def test_an_ill_card_says_so_in_its_cell() -> None:
    found = grid([card(index, "the GPU is lost" if index == 2 else "") for index in range(5)], 120, 8)
    assert "2   the GPU is lost" in "\n".join(line.plain for line in found)


def test_cards_are_numbered_where_there_are_several() -> None:
    assert gpu_line(card(1), 120, numbered=True).plain.startswith("1 H100 80GB HBM3 ")
    assert gpu_line(card(1, is_mig=True, slice=2), 120, numbered=True).plain.startswith("1.2 H100 ")


def test_memory_of_the_host_is_said_to_be_its() -> None:
    assert "GiB shared with the host" in gpu_line(card(0, shares_ram=True), 120).plain


async def test_with_ill_cards_alone_the_cpu_is_not_taken_by_itself(store: Path) -> None:
    async with running() as (app, pilot):
        await until(pilot, lambda: app.main.query_one(PresetList).option_count)
        await without_load(app, pilot)
        app.main.post_message(LoadSampled(GpuReading((card(0, "the GPU is lost"),)), HOST))
        await shows(pilot, "the GPU is lost")
        await pilot.press("l", "l")
        await until(pilot, lambda: isinstance(app.screen, LaunchDialog))
        answers: list[object] = []
        app.screen.dismiss = answers.append  # type: ignore[method-assign, assignment]
        await shows(pilot, "the CPU, which suits the demo")
        await pilot.press("enter")
        await pilot.press("l")
        await shows(pilot, "No GPU can be used")
        assert answers == []
        await pilot.press("down")
        await until(pilot, lambda: app.screen.query_one(OptionList).highlighted == 1)
        await pilot.press("l")
        await until(pilot, lambda: answers)
        assert answers == [LaunchChoice("cpu")]


@pytest.mark.parametrize(
    ("reading", "words", "answer"),
    [
        (None, "Still looking for GPUs", LaunchChoice(None)),
        (GpuReading(problem="no NVIDIA GPU"), "No NVIDIA GPU: it runs on the CPU", LaunchChoice("cpu")),
        (
            GpuReading(problem="CUDA_VISIBLE_DEVICES= hides every GPU", hidden=(card(0).gpu,)),
            "CUDA_VISIBLE_DEVICES= hides every GPU: it runs on the CPU",
            LaunchChoice("cpu"),
        ),
    ],
)
async def test_before_the_gpus_are_known_none_is_chosen(
    store: Path, reading: GpuReading | None, words: str, answer: LaunchChoice
) -> None:
    async with running() as (app, pilot):
        await until(pilot, lambda: app.main.query_one(PresetList).option_count)
        await without_load(app, pilot)
        app.main.gpus = reading
        await pilot.press("l", "l")
        await until(pilot, lambda: isinstance(app.screen, LaunchDialog))
        await shows(pilot, words)
        answers: list[object] = []
        app.screen.dismiss = answers.append  # type: ignore[method-assign, assignment]
        await pilot.press("l")
        await until(pilot, lambda: answers)
        assert answers == [answer]


async def test_a_sick_driver_is_no_reason_for_the_cpu(store: Path) -> None:
    async with running() as (app, pilot):
        await until(pilot, lambda: app.main.query_one(PresetList).option_count)
        await without_load(app, pilot)
        app.main.post_message(
            LoadSampled(GpuReading(problem="driver and library differ", is_sick=True), HOST)
        )
        await shows(pilot, "driver and library differ")
        assert "runs use the CPU" not in screen_text(pilot)


async def test_a_healthy_card_beside_an_ill_one_is_offered(store: Path) -> None:
    async with running() as (app, pilot):
        await until(pilot, lambda: app.main.query_one(PresetList).option_count)
        await without_load(app, pilot)
        app.main.post_message(LoadSampled(GpuReading((card(0, "the GPU is lost"), card(1))), HOST))
        await shows(pilot, "the GPU is lost", "15.2 of")
        await pilot.press("l", "l")
        await until(pilot, lambda: isinstance(app.screen, LaunchDialog))
        answers: list[object] = []
        app.screen.dismiss = answers.append  # type: ignore[method-assign, assignment]
        await pilot.press("l")
        await until(pilot, lambda: answers)
        assert answers == [LaunchChoice("GPU-1")]


# Whose memory

USED = {"used_mib": 14 * 1024, "free_mib": 10 * 1024}


@pytest.mark.parametrize(
    ("gpu", "words"),
    [
        (USED | {"own_mib": 6 * 1024}, "6.0 GiB +8.0 others, 10.0 free"),
        (USED | {"own_mib": 6 * 1024, "shares_ram": True}, "6.0 GiB +8.0 host and others, 10.0 free"),
        (USED | {"own_mib": None}, "14.0 GiB, 10.0 free, of whom is not known"),
        (USED | {"own_mib": 14 * 1024}, "14.0 GiB, 10.0 free"),
    ],
)
@pytest.mark.parametrize("reserved", [{}, {"reserved_mib": 5000}])
def test_memory_is_the_runs_only_where_the_driver_says_so(
    gpu: dict[str, Any], words: str, reserved: dict[str, int]
) -> None:
    series = {name: (value,) for name, value in figures({"gpu": gpu}).items()}
    view = RunView(system={"gpu": gpu}, series=series, memory=reserved)
    assert memory(view).value == words
    if gpu["own_mib"] is None:
        assert math.isnan(series["own_mib"][0])
        assert memory(view).values == (14 * 1024,)


# In text


def said(reading: GpuReading) -> list[tuple[str, str, str]]:
    return [(check.name, check.health.value, check.value) for check in gpu_checks(reading)]


def test_the_doctor_shows_every_gpu_and_what_is_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    slice_ = card(2, is_mig=True, slice=1, shares_ram=True)
    reading = GpuReading((card(0, "lost"), slice_), "580.1", hidden=(card(3).gpu,), note="fastest first")
    found = said(reading)
    assert found[1:3] == [
        ("which GPUs", "note", "fastest first"),
        ("GPU 0", "bad", "NVIDIA H100 80GB HBM3: lost"),
    ]
    assert found[3][:2] == ("GPU 2.1", "ok")
    assert "(shared with the host)" in found[3][2]
    assert found[4] == ("GPU 3", "note", "NVIDIA H100 80GB HBM3: hidden by CUDA_VISIBLE_DEVICES")


@pytest.mark.parametrize(("is_sick", "health"), [(True, "bad"), (False, "note")])
def test_the_doctor_knows_a_sick_driver_from_none(
    monkeypatch: pytest.MonkeyPatch, is_sick: bool, health: str
) -> None:
    found = said(GpuReading(problem="driver", is_sick=is_sick))
    assert found == [("GPU", health, "driver")]


def test_a_check_is_refused_as_the_launch_would_be(monkeypatch: pytest.MonkeyPatch) -> None:
    reading = GpuReading((card(0, "the GPU is lost"),))
    monkeypatch.setattr("runner.gpu.read", lambda processes=False: reading)
    for choice in (None, "0"):
        with pytest.raises(LaunchError, match="the GPU is lost"):
            choose_card(choice, None)
    # As a card that is not here.
    for choice, free in (("cpu", None), ("H100", None), (None, 22.0)):
        choose_card(choice, free)
