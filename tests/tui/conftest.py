"""A store with two recorded runs, and the app in it."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.css.query import NoMatches
from textual.pilot import Pilot

from runner.check import xray
from runner.store import directory
from runner.store.directory import RunDirectory
from tests.data.record import FOLDER
from tests.tui import idle
from tests.tui.made import alive
from tui.app import FtuiApp
from tui.services.xray import XrayService

idle.install()

OVERFIT = "20261124-090000-demo-overfit-0001"
HEALTHY = "20261124-080000-demo-0002"


@pytest.fixture
def store(home: Path) -> Path:
    """FTUI_HOME with the recorded runs: a healthy one and, newer, one that overfits."""
    for name in (OVERFIT, HEALTHY):
        shutil.copytree(FOLDER / name, directory.runs_folder(home) / name)
    return home


@pytest.fixture
def overfit(store: Path) -> RunDirectory:
    return RunDirectory(directory.runs_folder(store) / OVERFIT)


@pytest.fixture
def unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Data are not looked at, and what would wait for a run is this process."""
    monkeypatch.setattr(xray, "quick", lambda preset, home: None)
    monkeypatch.setattr(XrayService, "look", lambda self: None)
    monkeypatch.setattr("runner.commands.enqueue.start_supervisor", alive)
    monkeypatch.setattr("runner.commands.queued.start_supervisor", alive)


@asynccontextmanager
async def running(
    size: tuple[int, int] = (120, 40), **options: Any
) -> AsyncIterator[tuple[FtuiApp, Pilot[None]]]:
    """The app, running headless."""
    app = FtuiApp(**options)
    async with app.run_test(size=size, notifications=True) as pilot:
        yield app, pilot


async def until(pilot: Pilot[None], condition: Callable[[], object], seconds: float = 20) -> None:
    """Let the app work until a condition holds; AssertionError, with the screen, when it does not in time."""
    deadline, pause = time.monotonic() + seconds, 0.005
    while time.monotonic() < deadline:
        # A screen is there before its widgets are.
        with contextlib.suppress(NoMatches):
            if condition():
                return
        await pilot.pause(pause)
        # Each look asks every widget whether it is done: the longer it takes, the less often.
        pause = min(1.5 * pause, 0.05)
    raise AssertionError(f"not within {seconds} s; the screen shows:\n{screen_text(pilot)}")


async def without_load(app: FtuiApp, pilot: Pilot[None]) -> None:
    """No more readings of this machine: the last one is on its way, and has come, before a test posts its own."""
    app.main.load.stop()
    await until(pilot, lambda: not app.main.load.is_alive())


def screen_text(pilot: Pilot[None]) -> str:
    """What a person sees, as plain text."""
    width, height = pilot.app.size
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip)[:width] for strip in strips[:height])


async def shows(pilot: Pilot[None], *words: str) -> str:
    """Wait until all of these words are on the screen and what was begun is drawn; returns it.

    The words may stand in a first layout, which a widget that came late changes a moment later.
    """

    def here() -> bool:
        return all(word in screen_text(pilot) for word in words)

    await until(pilot, here)
    await pilot.pause()
    await until(pilot, here)
    return screen_text(pilot)


def has_looked_at_data(app: FtuiApp) -> bool:
    """Whether the preset that is edited has had all its data looked at."""
    from tui.screens.editing import EditingScreen

    report = app.screen.report if isinstance(app.screen, EditingScreen) else None
    return report is not None and report.complete
