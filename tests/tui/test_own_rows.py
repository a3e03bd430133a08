"""From a file of one's own rows to a launched run, by keys, judged by what a person sees."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input, Static

from runner.gpu import Gpu, GpuReading, GpuSample
from runner.preset import files
from runner.store.directory import RunDirectory, list_runs
from runner.supervision.warm import WarmStart
from tests.tui.conftest import running, screen_text, shows, until, without_load
from tui.app import FtuiApp
from tui.screens.data_file import DataFileDialog
from tui.screens.dialog import LaunchDialog
from tui.screens.editor import EditorScreen
from tui.screens.new_preset import NewDialog
from tui.screens.proposal import ProposalDialog
from tui.services import proposals

SIZES = [(80, 24), (120, 40)]
sizes = pytest.mark.parametrize("size", SIZES, ids=str)
# Beside the path, from the start of the app to a launched run.
MOST_KEYS = 8
CARD = Gpu(0, "GPU-1", "NVIDIA GeForce RTX 4090", 24576, (8, 9))
SECOND = Gpu(1, "GPU-2", "NVIDIA GeForce RTX 4090", 24576, (8, 9))

pytestmark = pytest.mark.usefixtures("unseen")


def rows(path: Path, count: int = 60, bad: Sequence[int] = ()) -> Path:
    """A file of rows of which some are no JSON."""
    good = [{"prompt": f"question {n}", "completion": f"answer {n}"} for n in range(1, count + 1)]
    lines = ["{nope" if n in bad else json.dumps(row) for n, row in enumerate(good, start=1)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder one stands in, with two files of rows of which chats.jsonl is the newest, notes and a folder."""
    folder = tmp_path / "here"
    rows(folder / "charts.jsonl", 5)
    rows(folder / "sub" / "bad.jsonl", 20, bad=[3, 7])
    (folder / "notes.md").write_text("notes\n")
    (folder / "weights.bin").write_bytes(b"\0" * 9)
    rows(folder / "chats.jsonl")
    for age, name in enumerate(("notes.md", "chats.jsonl", "charts.jsonl")):
        os.utime(folder / name, (1e9 - age, 1e9 - age))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[RunDirectory]:
    """The runs that were launched; none of them is trained."""
    runs: list[RunDirectory] = []

    def start(self: WarmStart, run: RunDirectory, *rest: Any) -> str:
        runs.append(run)
        return ""

    monkeypatch.setattr(WarmStart, "prepare", lambda self, soon=False: None)
    monkeypatch.setattr(WarmStart, "start", start)
    return runs


@asynccontextmanager
async def started(size: tuple[int, int] = (120, 40)) -> AsyncIterator[tuple[FtuiApp, Pilot[None]]]:
    """The app, once presets and GPUs are known."""
    async with running(size) as (app, pilot):
        await until(pilot, lambda: app.main.cards and app.main.gpus is not None)
        await without_load(app, pilot)
        yield app, pilot


async def ask(app: FtuiApp, pilot: Pilot[None], *path: str) -> None:
    """From the main screen to the dialog that asks for a file, with this typed into it."""
    await pilot.press("n", "d")
    await until(pilot, lambda: isinstance(app.screen, DataFileDialog) and app.focused)
    await pilot.press(*path)


def typed(app: FtuiApp) -> str:
    return app.screen.query_one("#path", Input).value


def put(app: FtuiApp, text: str) -> None:
    """This text stands in the line, as if it had been typed: pilots take a tenth of a second for a key."""
    path = app.screen.query_one("#path", Input)
    path.value = text
    path.action_end()


def note(app: FtuiApp) -> str:
    """What the dialog says of the path."""
    return str(app.screen.query_one("#note", Static).visual)


def shown(text: str, first: str, then: str) -> bool:
    """Whether both are on the screen, in this order."""
    return 0 <= text.find(first) < text.find(then)


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
