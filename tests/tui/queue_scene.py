"""Runs that wait, as their waiting supervisors leave them, and the app with the queue on its screen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import OptionList

from runner.gpu import CPU
from runner.preset import files
from runner.queue import tickets
from runner.queue.tickets import Ticket
from runner.store import directory
from runner.store.directory import RunDirectory
from runner.store.events import Phase
from tests.run.queued import made
from tests.run.scenes import add, phase
from tests.tui.conftest import running, until
from tests.tui.made import alive
from tui.app import FtuiApp
from tui.screens.queue import QueueScreen

SIZES = [(80, 24), (120, 40)]
WHY = "it needs 18.2 GiB, and 12.7 are free on RTX 4090"


def waits(home: Path, name: str, ticket: Ticket, why: str = "", lives: bool = True) -> RunDirectory:
    """A run as its waiting supervisor leaves it, which is this process when it `lives`."""
    run = made(home, name, ticket)
    files.dump(files.load("demo", home).preset, run.preset)
    directory.write_json(run.run, {"id": run.id, "gpu": None, "queued": True, "created_at": 1.7e9})
    add(run, phase("queued"))
    tickets.say(run, Phase.QUEUED, why, place=len(tickets.waiting(home)))
    return alive(run) if lives else run


def three(home: Path) -> dict[str, RunDirectory]:
    """Three runs that wait; the list of runs has the last one on top."""
    return {
        "a": waits(home, "a", Ticket(1.0, None, 18_637), WHY),
        "b": waits(home, "b", Ticket(2.0, CPU), "it comes after a"),
        "c": waits(home, "c", Ticket(3.0, "GPU-1234567890"), "paused by hand"),
    }


@asynccontextmanager
async def at_the_queue(
    size: tuple[int, int] = (120, 40),
) -> AsyncIterator[tuple[FtuiApp, Pilot[None], QueueScreen]]:
    """The app with the queue on its screen."""
    async with running(size) as (app, pilot):
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, QueueScreen))
        assert isinstance(app.screen, QueueScreen)
        await until(pilot, lambda: app.screen.query_one(OptionList).has_focus)
        yield app, pilot, app.screen


def listed(screen: QueueScreen) -> str:
    """The letters of the runs on the screen."""
    return "".join(row.name for row in screen.queue.rows) if screen.queue is not None else ""


def chosen(screen: QueueScreen) -> str:
    """The letter of the highlighted run."""
    at = screen.query_one(OptionList).highlighted
    return "" if at is None or screen.queue is None else screen.queue.rows[at].name
