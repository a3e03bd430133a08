"""The queue on the screen: what a person sees of it, at 80×24 and 120×40, in ASCII and without colours."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from runner.gpu import CPU
from runner.queue import tickets
from runner.queue.tickets import Ticket
from runner.store import locks
from runner.store.events import Phase
from tests.run.queued import made
from tests.tui.conftest import running, screen_text, shows, until
from tests.tui.made import alive
from tests.tui.queue_scene import SIZES, WHY, at_the_queue, chosen, listed, three, waits
from tui import glyphs
from tui.models.queue_view import QueueRow, QueueView
from tui.screens.queue import FORSAKEN, PAUSED, QueueScreen, line

# What it shows


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_what_waits_is_shown_a_line_each(home: Path, size: tuple[int, int]) -> None:
    runs = three(home)
    async with at_the_queue(size) as (_, pilot, _):
        text = await shows(pilot, "1 ◌ a", "2 ◌ b", "3 ◌ c", "Each starts when its GPU has no other run")
        rows = [one for one in text.splitlines() if one.startswith("│")]
        assert [one.split()[1] for one in rows[:3]] == ["1", "2", "3"]
        assert [one.strip("│ ") for one in rows[3:5]] == ["", ""]
        assert "any GPU       18.2 GiB  it needs" in rows[0]
        assert "CPU                     it comes" in rows[1]
        assert "GPU-12345678   unknown  paused by" in rows[2]
        # The whole reason of the highlighted one is below.
        assert f" {runs['a'].id}" in text
        assert f" {WHY}" in text.splitlines()[-2]
        await pilot.press("down")
        await until(pilot, lambda: runs["b"].id in screen_text(pilot))
        assert "it comes after a" in screen_text(pilot).splitlines()[-2]


async def test_a_run_that_is_waited_for_is_named_briefly_and_below_by_its_id(home: Path) -> None:
    first = waits(home, "a", Ticket(1.0, CPU), "")
    waits(home, "b", Ticket(2.0, CPU), f"it comes after {first.id}")
    async with at_the_queue() as (_, pilot, _):
        text = await shows(pilot, "2 ◌ b", "it comes after a ")
        assert first.id not in text.split("╰")[0]
        await pilot.press("down")
        await shows(pilot, f"it comes after {first.id}")


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_an_empty_queue_says_how_to_fill_it(home: Path, size: tuple[int, int]) -> None:
    async with at_the_queue(size) as (app, pilot, _):
        await shows(pilot, "Nothing waits. l on a preset, then w, puts it here")
        for key in ("e", "x", "p", "K", "J", "enter", "r"):
            await pilot.press(key)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main)


async def test_what_nobody_waits_for_says_so_and_waits_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = waits(home, "a", Ticket(1.0, CPU), lives=False)
    monkeypatch.setattr("runner.commands.enqueue.start_supervisor", alive)
    monkeypatch.setattr("runner.commands.queued.start_supervisor", alive)
    async with at_the_queue() as (_, pilot, _):
        await shows(pilot, FORSAKEN, "no process waits for it: the machine went down")
        await pilot.press("r")
        await until(pilot, lambda: FORSAKEN not in screen_text(pilot))
        assert locks.is_held(run.lock)
        await shows(pilot, "Each starts when")


async def test_news_are_shown_as_they_come(home: Path) -> None:
    runs = three(home)
    async with at_the_queue() as (_, pilot, screen):
        await shows(pilot, "1 ◌ a", "3 ◌ c")
        await pilot.press("down")
        tickets.say(runs["b"], Phase.QUEUED, "the CPU has another on it")
        await shows(pilot, "the CPU has another on it")
        tickets.drop_ticket(runs["a"])
        await until(pilot, lambda: listed(screen) == "bc")
        assert chosen(screen) == "b"
        waits(home, "d", Ticket(0.5), "new here")
        await until(pilot, lambda: listed(screen) == "dbc")
        assert chosen(screen) == "b"


async def test_what_was_read_before_the_screen_was_there_is_shown(home: Path) -> None:
    async with running() as (app, pilot):
        screen = QueueScreen(home, app.main.waiting_edits)
        screen._service.look = lambda: None  # type: ignore[method-assign]
        screen.queue = QueueView((QueueRow("20261201-120000-a-0001", 1, "any GPU", "", "because"),))
        app.push_screen(screen)
        await shows(pilot, "1 ◌ a", "because", "Each starts when")


@pytest.mark.parametrize("size", [(30, 8), (10, 3)], ids=str)
async def test_there_may_be_hardly_any_room(home: Path, size: tuple[int, int]) -> None:
    three(home)
    async with at_the_queue(size) as (app, pilot, screen):
        await until(pilot, lambda: listed(screen) == "abc")
        for key in ("pagedown", "end", "pageup", "home"):
            await pilot.press(key)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main)


async def test_two_hundred_are_listed_quickly(home: Path) -> None:
    for number in range(200):
        made(home, f"r{number:03}", Ticket(float(number)))
    async with at_the_queue() as (_, pilot, screen):
        await until(pilot, lambda: screen.queue is not None and len(screen.queue.rows) == 200)
        before = time.monotonic()
        await pilot.press("end", "K")
        await until(pilot, lambda: screen.queue is not None and screen.queue.rows[198].name == "r199")
        await shows(pilot, "199 ◌ r199")
        assert time.monotonic() - before < 5


# Plain terminals


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_ascii_has_nothing_else(
    home: Path, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = three(home)
    monkeypatch.setattr(glyphs, "_chosen", glyphs.ASCII)
    tickets.say(runs["a"], Phase.QUEUED, "größer → ≤ 3 °C … " + "long " * 40)
    async with at_the_queue(size) as (_, pilot, _):
        text = await shows(pilot, "1 o a", "gr??er -> <= 3 C ...")
        await pilot.press("x")
        text += await shows(pilot, "Take a out")
    assert {sign for sign in text if ord(sign) > 127} <= set("▁▂▃▄▅▆▇█▔▊")


async def test_without_colours_all_is_said_in_words(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    waits(home, "a", Ticket(1.0, paused=True), "paused: `ftui queue start a`")
    waits(home, "b", Ticket(2.0), lives=False)
    async with at_the_queue() as (_, pilot, _):
        text = await shows(pilot, FORSAKEN)
        rows = [one for one in text.splitlines() if one.startswith("│")]
        assert "paused: `ftui" in rows[0]
        assert "no process waits for it" in rows[1]
        await pilot.press("P")
        await shows(pilot, PAUSED)


def test_a_line_has_no_control_sequences() -> None:
    text = line(QueueRow("20261201-120000-a\x1b[2J-0001", 1, "x\x07", "", "evil\x1b]0;t\x07 words")).plain
    assert not any(ord(sign) < 32 for sign in text)
    assert "evil␛]0;t␇ words" in text
