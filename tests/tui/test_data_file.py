"""The dialog that asks for a file of rows: what is listed, completed, taken and refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.store.directory import RunDirectory
from tests.tui.conftest import shows, until

# Fixtures: here, launched.
from tests.tui.own_rows_scene import ask, folder_here, note, put, rows, runs_launched, sizes, started, typed  # noqa: F401
from tui.screens.data_file import DataFileDialog

pytestmark = pytest.mark.usefixtures("unseen")


@sizes
async def test_the_newest_file_is_taken_by_enter_and_others_by_arrows(
    here: Path, launched: list[RunDirectory], size: tuple[int, int]
) -> None:
    async with started(size) as (app, pilot):
        await ask(app, pilot, "enter")
        await shows(pilot, "Train on chats.jsonl")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DataFileDialog))
        await pilot.press("down")
        assert typed(app) == "charts.jsonl"
        await pilot.press("up", "up")
        assert typed(app) == "sub/"
        await pilot.press("enter")
        await shows(pilot, "sub/bad.jsonl")
        await pilot.press("down", "enter")
        await shows(pilot, "Train on bad.jsonl")


@sizes
async def test_tab_completes_folders_and_files(here: Path, size: tuple[int, int]) -> None:
    async with started(size) as (app, pilot):
        await ask(app, pilot, *"ch", "tab")
        await shows(pilot, "charts.jsonl", "chats.jsonl")
        # Both begin with 'cha'.
        await until(pilot, lambda: typed(app) == "cha")
        await pilot.press("t", "tab")
        await until(pilot, lambda: typed(app) == "chats.jsonl")
        for text, completed in (
            ("su", "sub/"),
            ("sub/", "sub/bad.jsonl"),
            ("we", "weights.bin"),
            ("nothing", "nothing"),
            (f"{here.parent}/he", f"{here}/"),
        ):
            put(app, text)
            await pilot.press("tab")
            await until(pilot, lambda completed=completed: typed(app) == completed)  # type: ignore[misc]
            assert app.focused is app.screen.query_one("#path")


@sizes
@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("chat.jsonl", ("chat.jsonl does not exist", "take another file")),
        ("sub", ("is a folder, no data file", "Name the file in it")),
        ("weights.bin", ("weights.bin",)),
        ("empty.jsonl", ("has no rows", "Give it some")),
    ],
)
async def test_what_is_no_file_of_rows_is_said_and_mended(
    here: Path, size: tuple[int, int], path: str, words: tuple[str, ...]
) -> None:
    (here / "empty.jsonl").touch()
    async with started(size) as (app, pilot):
        await ask(app, pilot)
        put(app, path)
        await pilot.press("enter")
        await until(pilot, lambda: note(app).strip())
        said = " ".join(note(app).split())
        assert all(word in said for word in words), said
        assert len(note(app).splitlines()) == 2
        assert isinstance(app.screen, DataFileDialog)
        assert typed(app) == path
        put(app, "chats.jsonl")
        await pilot.press("enter")
        await shows(pilot, "Train on chats.jsonl", "60 rows")


@sizes
async def test_a_folder_without_anything(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    async with started(size) as (app, pilot):
        await ask(app, pilot, "enter", "down", "up", "tab", "enter")
        await shows(pilot, "There is no file of rows here")
        assert isinstance(app.screen, DataFileDialog)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main)


async def test_a_folder_that_is_gone_or_forbidden_is_none(here: Path) -> None:
    async with started() as (app, pilot):
        await ask(app, pilot, *"gone/x", "tab", *"y")
        await until(pilot, lambda: typed(app) == "gone/xy")
