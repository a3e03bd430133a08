"""`ftui queue move`, `pause`, `start` and `remove`: what they print, and the order they leave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.queue import tickets
from runner.store import locks, summary
from runner.store.directory import RunDirectory
from runner.store.events import Phase
from tests.run.queued import filled, order
from tests.tui.test_queue_verbs import done, refused


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[RunDirectory]]:
    """The runs a process waits for since; none really does."""
    runs: list[RunDirectory] = []
    monkeypatch.setattr("runner.commands.enqueue.start_supervisor", runs.append)
    monkeypatch.setattr("runner.commands.queued.start_supervisor", runs.append)
    yield runs


@pytest.mark.parametrize(
    ("run", "where", "wanted", "place"),
    [
        ("3", "first", "cabd", 1),
        ("1", "last", "bcda", 4),
        ("20261201-120000-c-0001", "up", "acbd", 2),
        ("-b-", "down", "acbd", 3),
        ("1", "up", "abcd", 1),
        ("4", "down", "abcd", 4),
        ("1", "3", "bcad", 3),
        ("1", "0", "abcd", 1),
        ("1", "99", "bcda", 4),
        ("last", "first", "dabc", 1),
    ],
)
def test_a_run_is_moved(home: Path, run: str, where: str, wanted: str, place: int) -> None:
    filled(home, "abcd")
    assert done("queue", "move", "--", run, where).endswith(f" is number {place}.\n")
    assert order(home) == wanted


@pytest.mark.parametrize(
    ("run", "where", "words"),
    [
        ("1", "nowhere", "'nowhere' is no place. Say first, last, up, down, or a number."),
        ("1", "²", "'²' is no place"),
        ("²", "1", "no run has '²' in its id"),
        ("5", "1", "5"),
        ("120000", "1", "3 waiting runs have '120000' in their id"),
        ("nothing", "1", "no run has 'nothing' in its id"),
    ],
)
def test_what_cannot_be_moved_is_said(home: Path, run: str, where: str, words: str) -> None:
    filled(home)
    assert words in refused("queue", "move", run, where)
    assert order(home) == "abc"


def test_a_run_is_held_and_goes_on(home: Path, started: list[RunDirectory]) -> None:
    runs = filled(home, "ab")
    assert done("queue", "pause", "2") == f"{runs['b'].id} is paused; what runs goes on.\n"
    assert [one.ticket.paused for one in tickets.waiting(home)] == [False, True]
    text = done("queue", "start", "2")
    assert text.splitlines() == [
        f"{runs['b'].id} goes on.",
        "No process had waited for b; now one does.",
    ]
    assert not any(one.ticket.paused for one in tickets.waiting(home))
    assert started == [runs["b"]]


def test_the_whole_queue_is_held_and_goes_on(home: Path, started: list[RunDirectory]) -> None:
    runs = filled(home, "ab")
    lock = locks.take(runs["a"].lock)
    assert lock is not None
    assert done("queue", "pause") == "The queue is paused; what runs goes on.\n"
    assert "The whole queue is paused. Let it go on: ftui queue start" in done("queue")
    assert done("queue", "start").startswith("The queue goes on.\nNo process had waited for b;")
    assert not tickets.is_paused(home)
    assert started == [runs["b"]]
    locks.release(lock)


def test_runs_are_taken_out_by_the_places_they_had(home: Path) -> None:
    runs = filled(home, "abcd")
    text = done("queue", "remove", "1", "3", "1", runs["d"].id)
    assert text.splitlines() == [f"{name} ({runs[name].id}) is taken out." for name in "acd"]
    assert order(home) == "b"
    assert summary.read_state(runs["c"])["phase"] == Phase.STOPPED


def test_one_that_is_not_there_keeps_the_others_in(home: Path) -> None:
    runs = filled(home)
    tickets.remove(home, runs["c"])
    assert f"{runs['c'].id} is not in the queue (stopped)" in refused("queue", "remove", "1", runs["c"].id)
    assert order(home) == "ab"
