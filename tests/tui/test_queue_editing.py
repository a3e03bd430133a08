"""Changing a run that waits, in the form."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from runner.commands import queued
from runner.gpu import CPU
from runner.preset import files
from runner.queue import tickets
from runner.queue.tickets import Ticket
from runner.store.directory import RunDirectory
from tests.tui.conftest import screen_text, shows, until
from tests.tui.queue_scene import SIZES, at_the_queue, waits
from tui.app import FtuiApp
from tui.screens.editor import EditorScreen
from tui.screens.queue import QueueScreen
from tui.widgets.preset_form import PresetForm

pytestmark = pytest.mark.usefixtures("unseen")


@asynccontextmanager
async def editing(
    size: tuple[int, int] = (120, 40), key: str = "e"
) -> AsyncIterator[tuple[FtuiApp, Pilot[None], EditorScreen]]:
    """The app with the first run of the queue in the form."""
    async with at_the_queue(size) as (app, pilot, screen):
        await until(pilot, lambda: screen.queue is not None and screen.queue.rows)
        await pilot.press(key)
        yield app, pilot, await opened(app, pilot)


async def opened(app: FtuiApp, pilot: Pilot[None]) -> EditorScreen:
    """The form, once it takes keys."""
    await until(pilot, lambda: isinstance(app.screen, EditorScreen))
    await until(pilot, lambda: isinstance(app.screen.focused, PresetForm))
    assert isinstance(app.screen, EditorScreen)
    return app.screen


async def set_epochs(pilot: Pilot[None], editor: EditorScreen, text: str) -> None:
    await pilot.press("slash", *"num_train", "enter", "enter", *text, "enter")
    await until(pilot, lambda: editor.draft.is_dirty)


async def save_without_peft(pilot: Pilot[None], editor: EditorScreen) -> None:
    """What would be refused is saved, and the form left."""
    await pilot.press("slash", *"use_peft", "enter", "space")
    await until(pilot, lambda: editor.draft.is_dirty)
    await pilot.press("s")
    await shows(pilot, "is written")
    await pilot.press("escape")


async def left(app: FtuiApp, pilot: Pilot[None]) -> None:
    """Back at the queue."""
    await until(pilot, lambda: isinstance(app.screen, QueueScreen))


def is_paused(run: RunDirectory) -> bool:
    ticket = tickets.read_ticket(run)
    assert ticket is not None
    return ticket.paused


def epochs(run: RunDirectory) -> float:
    return files.load_frozen(run.preset).train.num_train_epochs


@pytest.fixture
def run(home: Path) -> RunDirectory:
    return waits(home, "a", Ticket(1.0, CPU, 77))


@pytest.mark.parametrize(("size", "key"), zip(SIZES, ["e", "enter"], strict=True), ids=str)
async def test_what_is_saved_is_judged_and_waits_on(
    run: RunDirectory, size: tuple[int, int], key: str
) -> None:
    async with editing(size, key) as (app, pilot, editor):
        assert is_paused(run)
        await set_epochs(pilot, editor, "7")
        await pilot.press("s")
        await shows(pilot, "is written")
        assert epochs(run) == 7
        assert is_paused(run)
        await pilot.press("escape")
        await left(app, pilot)
        # Judged again: on the CPU nothing is predicted.
        await until(pilot, lambda: tickets.read_ticket(run) == Ticket(1.0, CPU))
    assert epochs(run) == 7


@pytest.mark.parametrize("keys", [("escape",), ("escape", "d"), ("escape", "s")], ids=" ".join)
async def test_leaving_saves_only_what_was_meant(run: RunDirectory, keys: tuple[str, ...]) -> None:
    async with editing() as (app, pilot, editor):
        if len(keys) > 1:
            await set_epochs(pilot, editor, "7")
        await pilot.press(keys[0])
        if len(keys) > 1:
            await shows(pilot, "has changes that are not saved")
            await pilot.press(keys[1])
        await left(app, pilot)
        await until(pilot, lambda: not is_paused(run))
    assert epochs(run) == (7 if "s" in keys else 3)


@pytest.mark.parametrize("saved", [False, True])
async def test_leaving_the_app_lets_go_of_what_was_not_changed(run: RunDirectory, saved: bool) -> None:
    async with editing() as (_, pilot, editor):
        await shows(pilot, "a, waiting for its turn")
        if saved:
            await set_epochs(pilot, editor, "7")
            await pilot.press("s")
            await shows(pilot, "is written", "a, waiting for its turn")
    assert is_paused(run) is saved


async def test_leaving_the_app_at_once_after_the_form_lets_go_too(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    judging = threading.Event()
    monkeypatch.setattr(queued, "change", lambda home, run, overrides: judging.wait(20))
    async with editing() as (app, pilot, _):
        await pilot.press("escape")
        await left(app, pilot)
        assert is_paused(run)
    assert not is_paused(run)
    judging.set()


async def test_one_whose_preset_is_gone_is_let_go_and_can_be_edited_later(run: RunDirectory) -> None:
    preset = run.preset.read_bytes()
    run.preset.unlink()
    async with at_the_queue() as (app, pilot, screen):
        await until(pilot, lambda: screen.queue is not None and screen.queue.rows)
        await pilot.press("e")
        await shows(pilot, "Cannot be edited")
        run.preset.write_bytes(preset)
        await until(pilot, lambda: not app.main.waiting_edits.is_open)
        await pilot.press("e")
        await opened(app, pilot)


async def test_what_was_forced_into_the_queue_stays_so(home: Path) -> None:
    run = waits(home, "a", Ticket(1.0, CPU, forced=True))
    async with editing() as (app, pilot, editor):
        await save_without_peft(pilot, editor)
        await left(app, pilot)
        await until(pilot, lambda: tickets.read_ticket(run) == Ticket(1.0, CPU, forced=True))


async def test_one_that_was_held_before_stays_so(home: Path) -> None:
    run = waits(home, "a", Ticket(1.0, CPU, paused=True))
    async with editing() as (app, pilot, editor):
        await set_epochs(pilot, editor, "7")
        await pilot.press("s")
        await shows(pilot, "is written")
        await pilot.press("escape")
        await left(app, pilot)
        await until(pilot, lambda: not isinstance(app.screen, EditorScreen))
        assert is_paused(run)


async def test_what_is_for_presets_is_not_for_a_run(home: Path, run: RunDirectory) -> None:
    async with editing() as (app, pilot, editor):
        for key in ("a", "r", "x", "l"):
            await pilot.press(key)
            await shows(pilot, "It is a run that waits: save it (s)")
            assert app.screen is editor
            app.clear_notifications()
            await until(pilot, lambda: "It is a run that waits" not in screen_text(pilot))
    assert run.preset.exists()
    assert not files.own_folder(home).exists()


async def test_what_would_be_refused_stays_held_and_says_why(run: RunDirectory) -> None:
    async with editing() as (app, pilot, editor):
        await save_without_peft(pilot, editor)
        await shows(pilot, "It stays paused", "quantised")
        await left(app, pilot)
        assert is_paused(run)
        assert tickets.read_ticket(run) == Ticket(1.0, CPU, 77, True)


async def test_what_started_meanwhile_is_not_opened(run: RunDirectory) -> None:
    async with at_the_queue() as (app, pilot, screen):
        await until(pilot, lambda: screen.queue is not None and screen.queue.rows)
        screen._service.stop()
        tickets.drop_ticket(run)
        await pilot.press("e")
        await shows(pilot, "Cannot be edited", "not in the queue")
        assert app.screen is screen


@pytest.mark.parametrize("content", [b"train: [", b"\xff\xfe", b"[]", b""])
async def test_what_cannot_be_read_is_not_opened_and_stays_held(run: RunDirectory, content: bytes) -> None:
    run.preset.write_bytes(content)
    async with at_the_queue() as (app, pilot, screen):
        await until(pilot, lambda: screen.queue is not None and screen.queue.rows)
        await pilot.press("e")
        await shows(pilot, "Cannot be edited", "It stays paused")
        assert app.screen is screen
        assert is_paused(run)


async def test_what_starts_while_it_is_edited_is_not_written(run: RunDirectory) -> None:
    """It was let go with `ftui queue start`: what it trains is frozen."""
    before = run.preset.read_bytes()
    async with editing() as (app, pilot, editor):
        await set_epochs(pilot, editor, "7")
        tickets.drop_ticket(run)
        await pilot.press("s")
        await shows(pilot, "Not saved", "is not in the queue")
        assert run.preset.read_bytes() == before
        await pilot.press("escape", "d")
        await left(app, pilot)


async def test_pressing_twice_opens_it_once_and_lets_it_go_afterwards(
    home: Path, run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = waits(home, "b", Ticket(2.0, CPU))
    changed: list[RunDirectory] = []
    monkeypatch.setattr(queued, "change", lambda home, run, overrides: changed.append(run))
    async with at_the_queue() as (app, pilot, screen):
        await until(pilot, lambda: screen.queue is not None and len(screen.queue.rows) == 2)
        for place in (0, 0, 0, 1):
            screen.query_one(OptionList).highlighted = place
            screen.action_edit()
        await opened(app, pilot)
        assert (is_paused(run), is_paused(other)) == (True, False)
        await pilot.press("escape")
        await left(app, pilot)
        await until(pilot, lambda: not is_paused(run))
        assert not is_paused(other)
        # What the others would have done on leaving, they would have done to the open form.
        assert changed == [run]
        screen.query_one(OptionList).highlighted = 1
        await pilot.press("e")
        await opened(app, pilot)
        assert (is_paused(run), is_paused(other)) == (False, True)
