"""One's own rows on the screen: a folder with files, an app that launches nothing, and the dialogs by their keys."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from runner.gpu import Gpu
from runner.store.directory import RunDirectory
from runner.supervision.warm import WarmStart
from tests.tui.conftest import running, until, without_load
from tui.app import FtuiApp
from tui.screens.data_file import DataFileDialog

SIZES = [(80, 24), (120, 40)]
sizes = pytest.mark.parametrize("size", SIZES, ids=str)
# Beside the path, from the start of the app to a launched run.
MOST_KEYS = 8
CARD = Gpu(0, "GPU-1", "NVIDIA GeForce RTX 4090", 24576, (8, 9))
SECOND = Gpu(1, "GPU-2", "NVIDIA GeForce RTX 4090", 24576, (8, 9))


def rows(path: Path, count: int = 60, bad: Sequence[int] = ()) -> Path:
    """A file of rows of which some are no JSON."""
    good = [{"prompt": f"question {n}", "completion": f"answer {n}"} for n in range(1, count + 1)]
    lines = ["{nope" if n in bad else json.dumps(row) for n, row in enumerate(good, start=1)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


@pytest.fixture(name="here")
def folder_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
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


@pytest.fixture(name="launched")
def runs_launched(monkeypatch: pytest.MonkeyPatch) -> list[RunDirectory]:
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
