"""A row that cannot be used is left out where it is looked at."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from runner.preset import files
from tests.tui.conftest import has_looked_at_data, running, screen_text, shows, until
from tui.app import FtuiApp
from tui.screens.data import DataScreen
from tui.screens.editing import EditingScreen
from tui.widgets.preset_list import PresetList

SIZES = [(80, 24), (120, 40)]


@pytest.fixture
def mine(home: Path) -> Path:
    """A preset whose rows 3 and 7 cannot be used."""
    lines = [json.dumps({"prompt": f"question {n}", "completion": f"answer {n}"}) for n in range(1, 61)]
    lines[2] = lines[6] = "{nope"
    own = files.own_folder(home)
    own.mkdir(parents=True)
    (own / "rows.jsonl").write_text("\n".join(lines) + "\n")
    (own / "mine.yaml").write_text(
        "extends: demo\ndata:\n  train_dataset: ./rows.jsonl\n  eval_dataset: null\n"
    )
    return own / "mine.yaml"


@asynccontextmanager
async def looking(size: tuple[int, int]) -> AsyncIterator[tuple[FtuiApp, Pilot[None], EditingScreen]]:
    """The X-ray of that preset, all rows looked at."""
    async with running(size) as (app, pilot):
        presets = app.main.query_one(PresetList)
        await until(pilot, lambda: presets.option_count)
        presets.focus()
        presets.highlighted = [card.name for card in app.main.cards].index("mine")
        await pilot.press("e")
        await until(pilot, lambda: has_looked_at_data(app), 60)
        editor = app.screen
        assert isinstance(editor, EditingScreen)
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, DataScreen) and app.screen.page)
        yield app, pilot, editor


async def go_to(pilot: Pilot[None], row: int) -> None:
    await pilot.press("g", *["backspace"] * 3, *str(row), "enter")
    await shows(pilot, f"train row {row}")


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_the_shown_bad_row_is_left_out_and_taken_back(mine: Path, size: tuple[int, int]) -> None:
    async with looking(size) as (app, pilot, editor):
        assert "Leave out" not in await shows(pilot, "train row 1")
        await pilot.press("x")
        assert "skip_rows" not in editor.draft.yaml()
        await go_to(pilot, 7)
        await shows(pilot, "x Leave out", "not JSON")
        await pilot.press("x")
        await shows(pilot, "Row 7 is left out: data.skip_rows")
        assert editor.draft.snapshot().validated().data.skip_rows == [7]
        await until(pilot, lambda: "x Leave out" not in screen_text(pilot))
        await go_to(pilot, 3)
        await shows(pilot, "x Leave out")
        await pilot.press("x", "x")
        assert editor.draft.snapshot().validated().data.skip_rows == [3, 7]
        # Its rows are looked at again without these.
        await until(
            pilot, lambda: editor.report and editor.report.sources and not editor.report.sources[0].bad.count
        )
        await pilot.press("escape", "slash", *"data.skip_rows", "enter", "u")
        await until(
            pilot, lambda: app.screen is editor and not editor.draft.snapshot().validated().data.skip_rows
        )
    assert "skip_rows" not in mine.read_text()


async def test_of_several_files_no_row_is_left_out_so(mine: Path) -> None:
    """skip_rows is of one file; several have theirs in data.train_dataset."""
    mine.write_text(
        "extends: demo\ndata:\n  train_dataset: [{dataset: ./rows.jsonl}]\n  eval_dataset: null\n"
    )
    async with looking((120, 40)) as (_, pilot, editor):
        await go_to(pilot, 7)
        assert "Leave out" not in await shows(pilot, "not JSON")
        await pilot.press("x")
        assert "skip_rows" not in editor.draft.yaml()


async def test_a_row_that_is_left_out_already_is_not_offered(mine: Path) -> None:
    mine.write_text(mine.read_text() + "  on_bad_rows: skip\n")
    async with looking((120, 40)) as (_, pilot, _editor):
        await go_to(pilot, 7)
        assert "Leave out" not in await shows(pilot, "not JSON")


async def test_no_row_is_at_fault_for_a_file_that_is_missing(mine: Path) -> None:
    mine.write_text("extends: demo\ndata:\n  train_dataset: ./missing.jsonl\n")
    async with running() as (app, pilot):
        presets = app.main.query_one(PresetList)
        await until(pilot, lambda: presets.option_count)
        presets.focus()
        presets.highlighted = [card.name for card in app.main.cards].index("mine")
        await pilot.press("e")
        await shows(pilot, "missing.jsonl does not exist")
        await pilot.press("v")
        await shows(pilot, "train row 1", "missing.jsonl")
        assert "Leave out" not in screen_text(pilot)


async def test_the_columns_there_are_are_offered_where_they_are_named(mine: Path) -> None:
    async with looking((120, 40)) as (app, pilot, editor):
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is editor)
        await pilot.press("slash", *"columns")
        await pilot.press("enter")
        await shows(pilot, "your columns: prompt, completion")
