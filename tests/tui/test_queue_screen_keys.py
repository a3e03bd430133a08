"""The keys of the queue's screen, judged by what is in the tickets; and what other screens do to runs that wait."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from textual import events

from runner.queue import tickets
from runner.store import summary
from runner.store.events import Phase
from tests.run.queued import order
from tests.tui.conftest import running, screen_text, shows, until
from tests.tui.queue_scene import SIZES, at_the_queue, chosen, listed, three
from tui.screens.queue import PAUSED

# Moving


async def test_a_run_is_moved_up_and_down_and_stays_chosen(home: Path) -> None:
    three(home)
    async with at_the_queue() as (_, pilot, screen):
        await until(pilot, lambda: listed(screen) == "abc")
        await pilot.press("end", "K")
        await until(pilot, lambda: listed(screen) == "acb")
        assert (chosen(screen), order(home)) == ("c", "acb")
        await pilot.press("shift+up")
        await until(pilot, lambda: listed(screen) == "cab")
        await pilot.press("K")
        await pilot.press("J")
        await until(pilot, lambda: listed(screen) == "acb")
        await pilot.press("shift+down")
        await until(pilot, lambda: listed(screen) == "abc")
        # There is no place below.
        await pilot.press("J", "K")
        await until(pilot, lambda: listed(screen) == "acb")
        assert (chosen(screen), order(home)) == ("c", "acb")


async def test_keys_that_arrive_at_once_all_count(home: Path) -> None:
    """As over a slow line: the screen has not drawn the first move yet when the second is asked for."""
    three(home)
    async with at_the_queue() as (app, pilot, screen):
        await until(pilot, lambda: listed(screen) == "abc")
        for key in ("end", "K", "K", "p", "p", "p", "P", "P", "question_mark"):
            app.post_message(events.Key(key, None))
        # The last key: all before it are handled, each in a thread of its own.
        await until(pilot, lambda: app.screen is not screen)
        await until(
            pilot, lambda: not {"Not moved", "Not changed"} & {one.name for one in threading.enumerate()}
        )
        await pilot.press("escape")
        await until(pilot, lambda: listed(screen) == "cab")
        await until(pilot, lambda: screen.queue is not None and screen.queue.rows[0].paused)
        assert chosen(screen) == "c"
        assert order(home) == "cab"
        assert [one.ticket.paused for one in tickets.waiting(home)] == [True, False, False]
        assert not tickets.is_paused(home)


# Holding


async def test_a_run_is_held_and_goes_on(home: Path) -> None:
    three(home)
    async with at_the_queue() as (_, pilot, screen):
        await until(pilot, lambda: listed(screen) == "abc")
        await pilot.press("down", "p")
        await until(pilot, lambda: screen.queue is not None and screen.queue.rows[1].paused)
        assert [one.ticket.paused for one in tickets.waiting(home)] == [False, True, False]
        await pilot.press("p")
        await until(pilot, lambda: screen.queue is not None and not screen.queue.rows[1].paused)
        assert not any(one.ticket.paused for one in tickets.waiting(home))
        await pilot.press("P")
        await shows(pilot, PAUSED)
        assert tickets.is_paused(home)
        await pilot.press("P")
        await until(pilot, lambda: PAUSED not in screen_text(pilot))
        assert not tickets.is_paused(home)


async def test_an_empty_queue_can_be_held_too(home: Path) -> None:
    async with at_the_queue() as (_, pilot, screen):
        await until(pilot, lambda: screen.queue is not None)
        await pilot.press("P")
        await shows(pilot, PAUSED)
        assert tickets.is_paused(home)


# Taking out


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_a_run_is_taken_out_when_that_was_meant(home: Path, size: tuple[int, int]) -> None:
    three(home)
    async with at_the_queue(size) as (app, pilot, screen):
        await until(pilot, lambda: listed(screen) == "abc")
        await pilot.press("down", "x")
        await shows(pilot, "Take b out", "It has not started, and will not.", "take it out")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        assert order(home) == "abc"
        await pilot.press("x")
        await shows(pilot, "Take b out")
        await pilot.press("x")
        await until(pilot, lambda: listed(screen) == "ac")
        # The next one is where it was.
        assert chosen(screen) == "c"


async def test_what_started_meanwhile_cannot_be_taken_out_or_moved(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = three(home)
    async with at_the_queue() as (app, pilot, screen):
        await until(pilot, lambda: listed(screen) == "abc")
        await pilot.press("x")
        await shows(pilot, "Take a out")
        tickets.drop_ticket(runs["a"])
        await pilot.press("x")
        await shows(pilot, "Not taken out", "not in the queue")
        await until(pilot, lambda: app.screen is screen and listed(screen) == "bc")
        assert summary.read_state(runs["a"])["phase"] == Phase.QUEUED


# From the list of runs


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_the_list_of_runs_shows_their_places(home: Path, size: tuple[int, int]) -> None:
    three(home)
    async with running(size) as (_, pilot):
        await shows(pilot, "queued 1", "queued 2", "queued 3", "c · queued", "queued: paused by hand")


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_stop_takes_a_waiting_run_out_when_that_was_meant(home: Path, size: tuple[int, int]) -> None:
    runs = three(home)
    async with running(size) as (app, pilot):
        await shows(pilot, "c · queued")
        await pilot.press("s")
        text = await shows(pilot, "Take c out of the queue", "It has not started", "take it out")
        assert "step 0" not in text
        assert "checkpoint" not in text
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main)
        assert order(home) == "abc"
        await pilot.press("s")
        await shows(pilot, "Take c out of the queue")
        await pilot.press("x")
        await until(pilot, lambda: order(home) == "ab")
        assert not any(runs["c"].requests.iterdir())


async def test_stop_says_when_it_has_started_meanwhile(home: Path) -> None:
    runs = three(home)
    async with running() as (_, pilot):
        await shows(pilot, "c · queued")
        await pilot.press("s")
        await shows(pilot, "Take c out of the queue")
        tickets.drop_ticket(runs["c"])
        await pilot.press("x")
        await shows(pilot, "Not taken out", "not in the queue")
        assert not any(runs["c"].requests.iterdir())
