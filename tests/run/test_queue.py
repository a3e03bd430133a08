"""Tickets: what is on disk after everything a person can do to a run that waits."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from runner.queue import tickets
from runner.queue.tickets import LAST, QueueError, Ticket, Waiting
from runner.store import locks, lost, summary
from runner.store.directory import read_json
from runner.store.events import Phase
from runner.store.history import read_history
from tests.run.queued import events, filled, made, order, put, ranks

# Tickets


@pytest.mark.parametrize(
    "ticket",
    [
        Ticket(1.5),
        Ticket(-3.0, "cpu"),
        Ticket(1.7e9 + 1 / 3, "GPU-11111111-2222-3333-4444-555555555555", 18_000),
        Ticket(2.0, None, 0, True),
    ],
    ids=str,
)
def test_a_ticket_is_read_as_it_was_written(home: Path, ticket: Ticket) -> None:
    run = made(home, "a", ticket)
    assert tickets.is_queued(run)
    assert tickets.read_ticket(run) == ticket
    assert tickets.waiting(home) == [Waiting(run, ticket, False)]


def test_without_a_ticket_a_run_does_not_wait(home: Path) -> None:
    run = made(home, "a")
    assert not tickets.is_queued(run)
    assert tickets.read_ticket(run) is None
    assert tickets.waiting(home) == []
    tickets.drop_ticket(run)


def test_a_ticket_is_for_its_owner_only(home: Path) -> None:
    made(home, "a", Ticket(1.0))
    assert tickets.folder(home).stat().st_mode & 0o077 == 0


GARBAGE = {
    "nothing": b"",
    "torn": b'{"rank": 1.0, "gpu": "cp',
    "no text": b"\xff\xfe\x00",
    "a list": b"[1, 2]",
    "another rank": b'{"rank": "first"}',
    "not a number": b'{"rank": NaN}',
    "endless": b'{"rank": -Infinity}',
    "too large": b'{"rank": 1e300, "need_mib": "much", "gpu": 7, "paused": "yes"}',
    "huge": b'{"rank": 1' + b"0" * 400 + b"}",
}


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE)
def test_a_ticket_that_is_none_comes_last_and_wants_a_gpu_to_itself(home: Path, content: bytes) -> None:
    put(made(home, "a"), content)
    made(home, "b", Ticket(1.7e9))
    assert order(home) == "ba"
    assert tickets.waiting(home)[1].ticket == Ticket(LAST)


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE)
def test_a_ticket_that_is_none_can_be_moved_held_and_taken_out(home: Path, content: bytes) -> None:
    run = made(home, "a")
    put(run, content)
    filled(home, "bc")
    assert tickets.move(home, run, 1) == 1
    assert order(home) == "abc"
    tickets.pause(home, run, True)
    assert tickets.read_ticket(run) == Ticket(ranks(home)[0], paused=True)
    tickets.remove(home, run)
    assert order(home) == "bc"


def test_what_else_lies_in_the_queue_is_no_run(home: Path) -> None:
    run = made(home, "a", Ticket(1.0))
    folder = tickets.folder(home)
    for name in ("notes.json", "x.json", "paused.json", "..json", f".{run.id}.json.77.tmp", f"{run.id}.txt"):
        (folder / name).write_text("{}")
    (folder / "20261201-120000-b-0001.json").write_text('{"rank": 0}')
    (folder / "20261201-120000-c-0001.json").mkdir()
    made(home, "c")
    with tickets.locked(home):
        assert order(home) == "a"


def test_a_run_that_was_deleted_waits_no_more(home: Path) -> None:
    runs = filled(home)
    shutil.rmtree(runs["a"].path)
    assert order(home) == "bc"
    assert tickets.move(home, runs["c"], 1) == 1
    assert order(home) == "cb"


def test_the_order_is_by_rank_and_then_by_id(home: Path) -> None:
    for name, rank in (("d", 2.0), ("c", 1.0), ("a", 2.0), ("b", -1.0)):
        made(home, name, Ticket(rank))
    assert order(home) == "bcad"


def test_somebody_who_looks_for_its_turn_is_seen(home: Path) -> None:
    runs = filled(home, "ab")
    lock = locks.take(runs["b"].lock)
    assert lock is not None
    assert [one.is_alive for one in tickets.waiting(home)] == [False, True]
    locks.release(lock)
    assert [one.is_alive for one in tickets.waiting(home)] == [False, False]


def test_without_a_queue_nothing_waits(home: Path) -> None:
    assert tickets.waiting(home) == []
    assert not tickets.is_paused(home)
    tickets.folder(home).parent.mkdir(parents=True)
    tickets.folder(home).write_text("a file where the folder should be")
    assert tickets.waiting(home) == []


# Pausing


def test_a_run_is_held_and_goes_on(home: Path) -> None:
    runs = filled(home)
    tickets.pause(home, runs["b"], True)
    assert [one.ticket.paused for one in tickets.waiting(home)] == [False, True, False]
    assert not tickets.is_paused(home)
    tickets.pause(home, runs["b"], True)
    tickets.pause(home, runs["b"], False)
    assert [one.ticket for one in tickets.waiting(home)] == [Ticket(0.0), Ticket(1.0), Ticket(2.0)]


def test_the_whole_queue_is_held_and_goes_on(home: Path) -> None:
    for paused in (True, True, False, False):
        tickets.pause(home, None, paused)
        assert tickets.is_paused(home) == paused
    filled(home)
    tickets.pause(home, None, True)
    assert not any(one.ticket.paused for one in tickets.waiting(home))


@pytest.mark.parametrize("paused", [True, False])
def test_a_run_that_does_not_wait_cannot_be_held(home: Path, paused: bool) -> None:
    run = made(home, "x")
    with pytest.raises(QueueError, match="not in the queue"):
        tickets.pause(home, run, paused)
    assert not tickets.is_queued(run)


# Taking out


def test_a_run_nobody_waits_for_ends_when_it_is_taken_out(home: Path) -> None:
    runs = filled(home)
    tickets.remove(home, runs["b"])
    assert order(home) == "ac"
    state = summary.read_state(runs["b"])
    assert (state["phase"], state["reason"]) == (Phase.STOPPED, tickets.TAKEN_OUT)
    history = read_history(runs["b"])
    assert history.phase is Phase.STOPPED
    assert history.end["reason"] == tickets.TAKEN_OUT
    assert len(events(runs["b"], "end")) == 1


def test_a_run_somebody_waits_for_is_ended_by_whoever_waits(home: Path) -> None:
    runs = filled(home)
    lock = locks.take(runs["b"].lock)
    assert lock is not None
    tickets.remove(home, runs["b"])
    assert order(home) == "ac"
    assert events(runs["b"], "end") == []
    assert read_json(runs["b"].state)["phase"] == Phase.QUEUED
    locks.release(lock)


def test_a_run_is_taken_out_once(home: Path) -> None:
    runs = filled(home)
    tickets.remove(home, runs["a"])
    with pytest.raises(QueueError, match="has started, or was taken out"):
        tickets.remove(home, runs["a"])
    assert len(events(runs["a"], "end")) == 1


# What is shown of a run in the queue


def test_a_run_nobody_waits_for_is_lost_and_says_why(home: Path) -> None:
    run = made(home, "a", Ticket(1.0))
    state = summary.read_state(run)
    assert (state["phase"], state["reason"]) == (Phase.LOST, lost.NO_WAITER)
    lock = locks.take(run.lock)
    assert lock is not None
    assert summary.read_state(run)["phase"] == Phase.QUEUED
    locks.release(lock)
