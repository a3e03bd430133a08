"""From a file of one's own rows to a launched run, by keys, judged by what a person sees."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual import events

from runner.gpu import GpuReading, GpuSample
from runner.preset import files
from runner.store.directory import RunDirectory, list_runs
from tests.tui.conftest import screen_text, shows, until

# Fixtures: here, launched.
from tests.tui.own_rows_scene import (  # noqa: F401
    CARD,
    MOST_KEYS,
    SECOND,
    ask,
    folder_here,
    put,
    rows,
    runs_launched,
    shown,
    sizes,
    started,
)
from tui.screens.data_file import DataFileDialog
from tui.screens.dialog import LaunchDialog
from tui.screens.editor import EditorScreen
from tui.screens.new_preset import NewDialog
from tui.screens.proposal import ProposalDialog
from tui.services import proposals

pytestmark = pytest.mark.usefixtures("unseen")


@sizes
async def test_a_file_here_becomes_a_run_in_at_most_eight_keys(
    here: Path, home: Path, launched: list[RunDirectory], size: tuple[int, int]
) -> None:
    pressed = 0

    async def press(*keys: str) -> None:
        nonlocal pressed
        pressed += len(keys)
        await pilot.press(*keys)

    async with started(size) as (app, pilot):
        await shows(pilot, "n and then d trains on rows of your own")
        await press("n")
        await shows(pilot, "d   from my data", "on top of the preset demo")
        await press("d")
        text = await shows(pilot, "chats.jsonl", "KiB", "sub/")
        assert shown(text, "chats.jsonl", "charts.jsonl")
        assert shown(text, "charts.jsonl", "notes.md")
        assert "weights.bin" not in text
        # The path itself, which is not counted.
        await pilot.press(*"./chats.jsonl")
        await press("enter")
        await shows(pilot, "Train on chats.jsonl", "60 rows · prompt–completion", "demo/model", "9 steps")
        await shows(pilot, "enter  save it as a preset, and launch", "esc  back")
        await press("enter")
        await until(pilot, lambda: launched)
        await until(pilot, lambda: app.screen is app.main)
        await until(pilot, lambda: [row.name for row in app.main.rows] == ["chats"])
    assert pressed <= MOST_KEYS
    assert [run.id for run in list_runs(home)] == [run.id for run in launched]
    assert files.load_frozen(launched[0].preset).data.train_dataset == str(here / "chats.jsonl")
    assert files.load("chats", home).preset.data.train_dataset == str(here / "chats.jsonl")


@sizes
async def test_rows_that_cannot_be_used_are_left_out_by_a_key(
    here: Path, home: Path, launched: list[RunDirectory], size: tuple[int, int]
) -> None:
    async with started(size) as (app, pilot):
        await ask(app, pilot)
        put(app, "sub/bad.jsonl")
        await pilot.press("enter")
        text = await shows(pilot, "2 of the rows looked at cannot be used", "x  leave out bad rows")
        assert "save it" not in text
        await pilot.press("enter")
        assert isinstance(app.screen, ProposalDialog)
        await pilot.press("x")
        text = await shows(pilot, "Rows that cannot be used are left out", "enter  save it")
        assert "leave out bad" not in text
        await pilot.press("x", "enter")
        await until(pilot, lambda: launched)
    assert files.load("bad", home).preset.data.on_bad_rows == "skip"


async def test_rows_are_not_left_out_where_none_is_bad(here: Path) -> None:
    async with started() as (app, pilot):
        await ask(app, pilot, "enter")
        assert "leave out" not in await shows(pilot, "m  another model")
        await pilot.press("x")
        await shows(pilot, "enter  save it")
        assert isinstance(app.screen, ProposalDialog)


@sizes
async def test_another_model_is_chosen(
    here: Path, home: Path, launched: list[RunDirectory], size: tuple[int, int]
) -> None:
    async with started(size) as (app, pilot):
        await ask(app, pilot, "enter")
        await shows(pilot, "m  another model")
        await pilot.press("m")
        await shows(pilot, "type to narrow", "of the preset demo")
        await pilot.press(*"0.6B", "enter")
        await shows(pilot, "Qwen/Qwen3-0.6B", "as you said")
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen))
        await shows(pilot, "chats · not saved", "extends qlora-quickstart")
        assert isinstance(app.screen, EditorScreen)
        assert "Qwen/Qwen3-0.6B" in app.screen.draft.yaml() or app.screen.draft.extends == "qlora-quickstart"
        assert str(here / "chats.jsonl") in app.screen.draft.yaml()
    assert launched == []
    assert not (home / "presets" / "chats.yaml").exists()


async def test_what_fails_with_another_model_leaves_the_proposal(
    here: Path, launched: list[RunDirectory], monkeypatch: pytest.MonkeyPatch
) -> None:
    from runner.commands import first_run
    from runner.preset.errors import PresetError, Problem

    real = first_run.propose

    def propose(data: Path, home: Path, model: str | None = None, *rest: Any) -> Any:
        if model is not None:
            raise PresetError([Problem("--set", "model.model_name_or_path", "is no name of a model")])
        return real(data, home, model, *rest)

    monkeypatch.setattr(first_run, "propose", propose)
    async with started() as (app, pilot):
        await ask(app, pilot, "enter")
        await shows(pilot, "m  another model")
        await pilot.press("m", "enter")
        await shows(pilot, "is no name of a model", "Take another model", "60 rows", "enter  save it")
        await pilot.press("enter")
        await until(pilot, lambda: launched)


async def test_it_is_asked_where_there_is_a_choice_of_gpus(here: Path, launched: list[RunDirectory]) -> None:
    samples = tuple(GpuSample(card, 500, 24000, 3, 40, 30.0) for card in (CARD, SECOND))
    async with started() as (app, pilot):
        app.main.gpus = GpuReading(samples, "580.1")
        await ask(app, pilot, "enter")
        await shows(pilot, "enter  save it")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LaunchDialog))
        await shows(pilot, "Launch chats", "w  wait until it is free")
    assert launched == []


async def test_escape_goes_back_step_by_step(here: Path) -> None:
    async with started() as (app, pilot):
        await ask(app, pilot, "enter")
        await shows(pilot, "Train on chats.jsonl")
        for screen in (DataFileDialog, type(app.main)):
            await pilot.press("escape")
            await until(pilot, lambda screen=screen: isinstance(app.screen, screen))  # type: ignore[misc]
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, NewDialog))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main)


async def test_a_preset_is_built_on_the_chosen_one(home: Path) -> None:
    async with started() as (app, pilot):
        await pilot.press("tab", "n")
        await shows(pilot, "p   on top of the preset demo   enter")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen))
        await shows(pilot, "my-demo", "extends demo")


async def test_a_sign_of_life_and_a_way_out_while_the_file_is_looked_at(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting: list[Callable[[Any], object]] = []
    monkeypatch.setattr(proposals, "propose", lambda post, *rest: waiting.append(post))
    async with started() as (app, pilot):
        await ask(app, pilot, "enter")
        text = await shows(pilot, "looking at chats.jsonl …", "esc  back")
        assert "another model" not in text
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DataFileDialog))
    assert len(waiting) == 1


AT_ONCE = [
    ["n", "d", "enter", "enter"],
    ["n", "d", *"chats.jsonl", "enter", "enter"],
    ["n", "d", *"chat", "tab", "enter", "enter"],
    ["n", "d", *"su", "tab", "tab", "enter", "x", "enter"],
]


@pytest.mark.parametrize("keys", AT_ONCE, ids="".join)
async def test_keys_that_arrive_at_once_are_none_lost(
    here: Path, launched: list[RunDirectory], keys: list[str]
) -> None:
    """As over a slow line: the whole way in one bunch, while folders are read and the file is looked at."""
    async with started() as (app, pilot):
        for key in keys:
            app.post_message(events.Key(key, "." if key == "." else key if len(key) == 1 else None))
        await until(pilot, lambda: launched)
        await until(pilot, lambda: app.screen is app.main)
        assert "Filter" not in screen_text(pilot)
    name = "bad" if "x" in keys else "chats"
    assert files.load_frozen(launched[0].preset).data.train_dataset.endswith(f"/{name}.jsonl")  # type: ignore[union-attr]
