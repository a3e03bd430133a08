"""Putting a preset into the queue on the screen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from runner.gpu import CPU, Gpu, GpuReading, GpuSample
from runner.queue import tickets
from runner.queue.tickets import Ticket
from runner.store.directory import list_runs
from tests.check.cards import CUDA_BUILD
from tests.tui.conftest import running, shows, until
from tests.tui.queue_scene import SIZES
from tui.app import FtuiApp
from tui.screens.dialog import LaunchDialog
from tui.screens.queue import QueueScreen
from tui.widgets.preset_list import PresetList

CARD = Gpu(0, "GPU-1", "NVIDIA GeForce RTX 4090", 24576, (8, 9))
READING = GpuReading((GpuSample(CARD, 14541, 10035, 97, 66, 390.0),), "580.1")

pytestmark = pytest.mark.usefixtures("unseen")


@asynccontextmanager
async def launching(size: tuple[int, int], name: str) -> AsyncIterator[tuple[FtuiApp, Pilot[None]]]:
    """The app that asks whether to launch a preset."""
    async with running(size) as (app, pilot):
        presets = app.main.query_one(PresetList)
        await until(pilot, lambda: presets.option_count and app.main.gpus is not None)
        presets.focus()
        presets.highlighted = [card.name for card in app.main.cards].index(name)
        await pilot.press("l")
        await until(pilot, lambda: isinstance(app.screen, LaunchDialog))
        yield app, pilot


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_a_launch_may_wait_for_its_turn(home: Path, size: tuple[int, int]) -> None:
    async with launching(size, "demo") as (app, pilot):
        await shows(pilot, "Launch demo", "launch it now", "w  wait until it is free", "esc  cancel")
        await pilot.press("w")
        await until(pilot, lambda: tickets.waiting(home))
        (one,) = tickets.waiting(home)
        assert one.ticket == Ticket(one.ticket.rank, CPU)
        await shows(pilot, "w shows", "queued")
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, QueueScreen))
        await shows(pilot, "1 ◌ demo", one.run.id)


async def test_it_waits_for_the_gpu_that_was_chosen(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.gpu.read", lambda processes=False: READING)
    monkeypatch.setattr("runner.machine.torch_build.installed", lambda: CUDA_BUILD)
    async with launching((120, 40), "demo") as (_, pilot):
        await shows(pilot, "RTX 4090")
        await pilot.press("w")
        await until(pilot, lambda: tickets.waiting(home))
        ticket = tickets.waiting(home)[0].ticket
        assert ticket.gpu == "GPU-1"
        assert ticket.need_mib


async def test_what_is_refused_does_not_wait(home: Path) -> None:
    (home / "presets").mkdir(parents=True)
    (home / "presets" / "lacking.yaml").write_text(
        "extends: demo\ndata: {train_dataset: /nowhere/rows.jsonl}\n"
    )
    async with launching((120, 40), "lacking") as (_, pilot):
        await pilot.press("w")
        await shows(pilot, "Not put into the queue", "/nowhere/rows.jsonl")
    assert tickets.waiting(home) == []
    assert list_runs(home) == []
