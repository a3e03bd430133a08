"""The order of the queue: new runs, and moves to every place, whatever ranks are on the tickets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.queue import tickets
from runner.queue.tickets import LAST, QueueError, Ticket
from tests.run.queued import filled, made, order, put, ranks

# Ranks


def test_a_new_run_is_behind_everybody_or_before_everybody(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: 1000.0)
    assert tickets.next_rank(home) == 1000.0
    made(home, "a", Ticket(tickets.next_rank(home)))
    made(home, "b", Ticket(tickets.next_rank(home)))
    made(home, "c", Ticket(tickets.next_rank(home, first=True)))
    assert order(home) == "cab"


def test_a_clock_that_is_set_back_changes_no_order(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, clock in (("c", 1.8e9), ("b", 1.7e9), ("a", 0.0), ("d", 1.8e9)):
        monkeypatch.setattr("time.time", lambda clock=clock: clock)
        made(home, name, Ticket(tickets.next_rank(home)))
    assert order(home) == "cbad"
    made(home, "e", Ticket(tickets.next_rank(home, first=True)))
    assert order(home) == "ecbad"


def test_a_ticket_that_cannot_be_read_keeps_its_place_behind_new_ones(home: Path) -> None:
    put(made(home, "a"), "{")
    made(home, "b", Ticket(tickets.next_rank(home)))
    made(home, "c", Ticket(tickets.next_rank(home)))
    made(home, "d", Ticket(tickets.next_rank(home, first=True)))
    assert order(home) == "dbca"


# Moving


@pytest.mark.parametrize("place", [-5, 0, 1, 2, 3, 4, 5, 10**20])
@pytest.mark.parametrize("name", ["a", "b", "c", "d"])
def test_a_run_gets_the_place_that_was_asked_for(home: Path, name: str, place: int) -> None:
    runs = filled(home, "abcd")
    wanted = [one for one in "abcd" if one != name]
    got = max(1, min(place, 4))
    wanted.insert(got - 1, name)
    assert tickets.move(home, runs[name], place) == got
    assert order(home) == "".join(wanted)


def test_one_alone_stays_where_it_is(home: Path) -> None:
    runs = filled(home, "a")
    before = ranks(home)
    assert tickets.move(home, runs["a"], 7) == 1
    assert ranks(home) == before


def test_what_waits_for_what_is_kept_when_it_is_moved(home: Path) -> None:
    ticket = Ticket(1.0, "GPU-1", 700, True)
    run = made(home, "b", ticket)
    filled(home, "a")
    tickets.move(home, run, 1)
    moved = tickets.read_ticket(run)
    assert moved is not None
    assert (moved.gpu, moved.need_mib, moved.paused) == ("GPU-1", 700, True)


moves = st.lists(st.tuples(st.integers(0, 5), st.integers(-1, 8)), max_size=12)
starts = st.lists(
    st.one_of(st.none(), st.sampled_from([0.0, 1.0, LAST - 1]), st.floats(-1e6, 1.8e9)),
    min_size=6,
    max_size=6,
)


@settings(max_examples=60)
@given(starts=starts, moves=moves)
def test_any_moves_give_the_order_a_list_would(
    tmp_path_factory: pytest.TempPathFactory, starts: Sequence[float | None], moves: Sequence[tuple[int, int]]
) -> None:
    """Whatever the ranks were: equal ones, far apart, or none that can be read."""
    home = tmp_path_factory.mktemp("home")
    runs = {}
    for name, rank in zip("abcdef", starts, strict=True):
        runs[name] = made(home, name, Ticket(0.0 if rank is None else rank))
        if rank is None:
            put(runs[name], "garbage")
    model = list(order(home))
    for who, place in moves:
        name = "abcdef"[who]
        model.remove(name)
        model.insert(max(0, min(place, 6) - 1), name)
        assert tickets.move(home, runs[name], place) == model.index(name) + 1
        assert order(home) == "".join(model)


def test_ranks_that_were_halved_until_they_meet_are_whole_again(home: Path) -> None:
    runs = filled(home, "abc")
    for run, rank in zip(runs.values(), (1.7e9, 1.7e9 + 1, 1.7e9 + 2), strict=True):
        tickets.write_ticket(run, Ticket(rank))
    seen = []
    # Each time the last one goes between the first two, whose ranks come closer to each other.
    for _ in range(60):
        last = tickets.waiting(home)[-1].run
        wanted = order(home)[0] + order(home)[-1] + order(home)[1]
        assert tickets.move(home, last, 2) == 2
        assert order(home) == wanted
        seen.append(ranks(home))
    assert [0.0, 1.0, 2.0] in seen
    assert all(len(set(found)) == 3 for found in seen)


def test_new_runs_come_last_after_the_ranks_were_made_whole(home: Path) -> None:
    runs = filled(home, "ab")
    tickets.write_ticket(runs["b"], Ticket(0.0))
    c = made(home, "c", Ticket(5.0))
    tickets.move(home, c, 2)
    assert ranks(home) == [0.0, 1.0, 2.0]
    made(home, "d", Ticket(tickets.next_rank(home)))
    assert order(home) == "acbd"


def test_a_run_that_does_not_wait_cannot_be_moved(home: Path) -> None:
    filled(home)
    run = made(home, "x")
    with pytest.raises(QueueError, match=f"{run.id} is not in the queue"):
        tickets.move(home, run, 1)
    assert order(home) == "abc"
    assert not tickets.is_queued(run)
