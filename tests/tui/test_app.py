"""The screen, driven by keys, judged by what a person sees on it, at 80×24 and 120×40."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import pytest

from runner.gpu import Gpu, GpuReading, GpuSample
from runner.host import HostSample
from runner.store import requests
from runner.store.directory import RunDirectory, runs_folder
from runner.store.requests import Request
from tests.tui.conftest import HEALTHY, running, screen_text, shows, until, without_load
from tui.messages import LoadSampled
from tui.screens.dialog import LaunchChoice, LaunchDialog, StopDialog
from tui.services.run_reader import RunSource
from tui.widgets.preset_list import PresetList
from tui.widgets.run_list import RunList

SIZES = [(80, 24), (120, 40)]
CARD = Gpu(0, "GPU-1", "NVIDIA GeForce RTX 4090", 24576, (8, 9))
READING = GpuReading((GpuSample(CARD, 14541, 10035, 97, 66, 390.0),), "580.1")


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_the_newest_run_is_shown_with_its_verdict(overfit: RunDirectory, size: tuple[int, int]) -> None:
    async with running(size) as (_, pilot):
        text = await shows(
            pilot, "OVERFITTING since step 48", "keep checkpoint-48", "best 1.8226 @48", "step 240"
        )
        assert "4 × 1 × 1 = 4" in text
        assert "demo-overfit" in text
        assert "no NVIDIA GPU" in text or "GiB" in text


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_arrows_choose_another_run(overfit: RunDirectory, size: tuple[int, int]) -> None:
    async with running(size) as (_, pilot):
        await shows(pilot, "OVERFITTING since step 48")
        await pilot.press("down")
        text = await shows(pilot, "Verdict: healthy", "step 75")
        assert "OVERFITTING" not in text
        await pilot.press("k")
        await shows(pilot, "OVERFITTING since step 48")


async def test_a_run_asked_for_is_opened(store: Path) -> None:
    async with running(target=RunSource(RunDirectory(runs_folder(store) / HEALTHY))) as (_, pilot):
        await shows(pilot, "Verdict: healthy", "step 75/75")


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_without_runs_it_says_how_to_start(home: Path, size: tuple[int, int]) -> None:
    async with running(size) as (_, pilot):
        await shows(pilot, "No runs yet", "demo")
        await pilot.press("s")
        await shows(pilot, "no run of ftui's to stop")


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_a_preset_is_shown_before_it_is_launched(store: Path, size: tuple[int, int]) -> None:
    async with running(size) as (app, pilot):
        await until(pilot, lambda: app.main.query_one(PresetList).option_count)
        await pilot.press("l")
        await shows(pilot, "Effective batch", "4 × 4 × 1 = 16", "launches it")
        await pilot.press("l")
        await until(pilot, lambda: isinstance(app.screen, LaunchDialog))
        await shows(pilot, "Launch demo", "enter")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main)
    assert len(list(runs_folder(store).iterdir())) == 2


async def test_garbage_is_collected_once_the_screen_stands(store: Path) -> None:
    gc.disable()
    try:
        async with running() as (_, pilot):
            await until(pilot, gc.isenabled)
    finally:
        gc.unfreeze()
        gc.enable()


async def test_the_launch_dialog_offers_the_gpus(store: Path) -> None:
    async with running() as (app, pilot):
        await until(pilot, lambda: app.main.query_one(PresetList).option_count)
        await without_load(app, pilot)
        app.main.post_message(LoadSampled(READING, HostSample(12.0, 14000, 129000)))
        await shows(pilot, "RTX 4090", "14.2 of 24.0 GiB", "97 %", "66 °C", "390 W", "ram 13.7/126 GiB")
        await pilot.press("l", "l")
        await until(pilot, lambda: isinstance(app.screen, LaunchDialog))
        answers: list[object] = []
        app.screen.dismiss = answers.append  # type: ignore[method-assign, assignment]
        await pilot.press("enter")
        await until(pilot, lambda: answers)
        assert answers == [LaunchChoice("GPU-1")]


async def test_a_broken_preset_says_what_is_wrong_and_is_not_launched(store: Path) -> None:
    path = store / "presets" / "mine.yaml"
    path.parent.mkdir()
    path.write_text("extends: demo\ntrain:\n  learnin_rate: 1e-4\n")
    async with running() as (app, pilot):
        await until(pilot, lambda: app.main.query_one(PresetList).option_count)
        app.main.query_one(PresetList).focus()
        await shows(pilot, "mine.yaml:3: train.learnin_rate", "Did you mean", "learning_rate?")
        await pilot.press("l")
        await shows(pilot, "has problems")
        assert app.screen is app.main
        path.write_text("extends: demo\ntrain:\n  learning_rate: 1e-4\n")
        await shows(pilot, "0.0001")


def alive_again(run: RunDirectory) -> None:
    """The run as it was in the middle: no end, its lock held by this process."""
    lines = run.events.read_text().splitlines(keepends=True)
    middle = next(i for i, line in enumerate(lines) if json.loads(line).get("step") == 120)
    run.events.write_text("".join(lines[:middle]))
    state = json.loads(run.state.read_text())
    run.state.write_text(json.dumps({**state, "phase": "training", "step": 119}))


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_stop_asks_first_and_says_what_would_be_lost(
    overfit: RunDirectory, size: tuple[int, int]
) -> None:
    from runner.store import locks

    alive_again(overfit)
    assert locks.take(overfit.lock) is not None
    async with running(size) as (app, pilot):
        await shows(pilot, "training", "step 119/240")
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, StopDialog))
        await shows(pilot, "step 119 of 240", "checkpoint-96 is on disk", "loses 23 steps")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main)
        assert not requests.pending(overfit, Request.STOP)
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, StopDialog))
        await pilot.press("s")
        await until(pilot, lambda: requests.pending(overfit, Request.STOP))


async def test_new_events_reach_the_screen_while_it_is_open(overfit: RunDirectory) -> None:
    from runner.store import locks

    lines = overfit.events.read_text().splitlines(keepends=True)
    alive_again(overfit)
    assert locks.take(overfit.lock) is not None
    async with running() as (_, pilot):
        await shows(pilot, "step 119/240")
        rest = lines[len(overfit.events.read_text().splitlines()) :]
        with overfit.events.open("a") as stream:
            stream.write("".join(rest)[:-200])
            stream.flush()
            await shows(pilot, "step 240/240")
            assert "finished" not in screen_text(pilot).splitlines()[1]
            stream.write("".join(rest)[-200:])
        await shows(pilot, "finished")


async def test_a_lost_run_says_so(overfit: RunDirectory) -> None:
    alive_again(overfit)
    async with running() as (_, pilot):
        # The recorded run is older than this machine's start.
        await shows(pilot, "lost", "The machine was restarted while it ran", "Start it again")


async def test_garbage_in_every_file_does_not_keep_the_screen_from_opening(overfit: RunDirectory) -> None:
    for path in (overfit.state, overfit.run, overfit.system, overfit.console):
        path.write_bytes(b"\xff\x00{]\n\x1b[2J\n" * 50)
    with overfit.events.open("ab") as stream:
        stream.write(b"\xff\xfe garbage\n{}\n[]\n")
    async with running() as (_, pilot):
        await shows(pilot, "OVERFITTING since step 48")


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (30, 8)], ids=str)
async def test_help_lists_every_key(store: Path, size: tuple[int, int]) -> None:
    async with running(size) as (app, pilot):
        await until(pilot, lambda: app.main.query_one(RunList).listed)
        await pilot.press("question_mark")
        await until(pilot, lambda: app.screen is not app.main)
        if size[0] >= 80:
            await shows(pilot, "Launch the chosen preset", "Stop the shown run", "runs go on")
            await pilot.press("end")
            text = await shows(pilot, "Command palette", "j k")
            assert "held-out rows" in text
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main)


async def test_zoom_gives_the_run_the_whole_width_and_back(overfit: RunDirectory) -> None:
    async with running((80, 24)) as (_, pilot):
        await shows(pilot, "OVERFITTING", "Presets")
        await pilot.press("enter")
        await until(pilot, lambda: "Presets" not in screen_text(pilot))
        await pilot.press("escape")
        await shows(pilot, "Presets")


async def test_the_log_is_shown_at_its_end_without_colours_and_obeyed_in_nothing(
    overfit: RunDirectory,
) -> None:
    with overfit.console.open("a") as stream:
        stream.write("\x1b]0;evil\x07\x1b[31mlast words\x1b[0m\n")
    async with running() as (_, pilot):
        text = await shows(pilot, "last words")
        assert "␛]0;evil␇last words" in text


async def test_every_action_is_in_the_command_palette(store: Path) -> None:
    async with running() as (app, pilot):
        await until(pilot, lambda: app.main.query_one(RunList).listed)
        titles = {command.title for command in app.get_system_commands(app.main)}
        assert {"run: Launch", "run: Stop", "view: Zoom", "view: Log", "app: Help", "app: Quit"} <= titles


async def test_q_leaves(store: Path) -> None:
    async with running() as (app, pilot):
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)


async def test_ascii_has_nothing_else(overfit: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    from tui import glyphs

    monkeypatch.setattr(glyphs, "_chosen", glyphs.ASCII)
    async with running() as (_, pilot):
        text = await shows(pilot, "OVERFITTING since step 48", "4 x 1 x 1 = 4")
    # The scroll bar is drawn by Textual.
    assert {sign for sign in text if ord(sign) > 127} <= set("▁▂▃▄▅▆▇█")


def test_snapshots(store: Path, snap_compare: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures of the whole screen; `pytest --snapshot-update` renews them after a change that is meant."""
    from textual.pilot import Pilot

    from tui.app import FtuiApp

    monkeypatch.setattr("runner.gpu.read", lambda processes=False: READING)
    monkeypatch.setattr("runner.host.read", lambda: HostSample(12.0, 14000, 129000))

    async def settled(pilot: Pilot[None]) -> None:
        await shows(pilot, "OVERFITTING since step 48", "RTX 4090", "qlora-quickstart", "step 240/240")
        await pilot.pause(0.3)

    for size in SIZES:
        assert snap_compare(FtuiApp(), terminal_size=size, run_before=settled)  # type: ignore[operator]
