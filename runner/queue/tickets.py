"""The queue: runs that wait for their GPU, in an order people can change.

    FTUI_HOME/queue/RUN_ID.json     the ticket of a run that waits: its rank, the GPU and the memory it wants
    FTUI_HOME/queue/paused          while it is there, nothing starts
    FTUI_HOME/queue/lock            held for milliseconds by the process that changes the order or takes a turn

There is no daemon: each waiting run has a supervisor that looks for its turn (waiting.py). A ticket lies there until
the run starts or is taken out, so what waits is known also after a reboot, when no process looks for a turn any more.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from runner.store import life, locks, processes
from runner.store.directory import RUN_ID, RunDirectory, read_json, runs_folder, write_json
from runner.store.events import EventLog, Phase

# The rank of a ticket that cannot be read; every other is nearer to 0.
LAST = 1e15
TAKEN_OUT = "taken out of the queue before it started"


class QueueError(Exception):
    """Something that cannot be done to the queue; the message says what and what to do."""


@dataclass(frozen=True)
class Ticket:
    """A run's place in the queue: the lowest rank is first. `gpu` is the UUID of a GPU, CPU, or None for any GPU;
    `need_mib` the VRAM it is predicted to need, None while that is unknown; `forced` that the user wants it whatever
    `ftui check` says.
    """

    rank: float
    gpu: str | None = None
    need_mib: int | None = None
    paused: bool = False
    forced: bool = False


@dataclass(frozen=True)
class Waiting:
    """A run that waits. `is_alive` tells whether a process looks for its turn."""

    run: RunDirectory
    ticket: Ticket
    is_alive: bool


def folder(home: Path) -> Path:
    return home / "queue"


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """No other process changes the queue or takes a turn meanwhile. Raises OSError."""
    folder(home).mkdir(parents=True, exist_ok=True, mode=0o700)
    fd = locks.open_lock(folder(home) / "lock")
    try:
        locks.lock(fd, wait=True)
        yield
    finally:
        locks.release(fd)


@contextmanager
def kept_waiting(run: RunDirectory) -> Iterator[None]:
    """The run waits, and does not start meanwhile. Raises QueueError when it has started, or OSError."""
    with locked(run.home):
        _ticket_of(run)
        yield


def _path(run: RunDirectory) -> Path:
    return folder(run.home) / f"{run.id}.json"


def is_queued(run: RunDirectory) -> bool:
    """Whether a run has a ticket: it waits, or would if a process looked for its turn."""
    return _path(run).is_file()


def never_started(run: RunDirectory) -> bool:
    """Whether a run was made for the queue and has not had its turn: without a ticket it was taken out."""
    record = read_json(run.run)
    return record.get("queued") is True and "started_at" not in record


def read_ticket(run: RunDirectory) -> Ticket | None:
    """The ticket of a run, None when it has none. One that cannot be read is last and wants any GPU to itself."""
    return _parse(read_json(_path(run))) if is_queued(run) else None


def _parse(values: dict[str, Any]) -> Ticket:
    rank, gpu, need = values.get("rank"), values.get("gpu"), values.get("need_mib")
    return Ticket(
        float(rank) if isinstance(rank, int | float) and abs(rank) < LAST else LAST,
        gpu if isinstance(gpu, str) else None,
        need if isinstance(need, int) and not isinstance(need, bool) else None,
        values.get("paused") is True,
        values.get("forced") is True,
    )


def write_ticket(run: RunDirectory, ticket: Ticket) -> None:
    """Put a run into the queue, or change its place. Raises OSError."""
    folder(run.home).mkdir(parents=True, exist_ok=True, mode=0o700)
    write_json(_path(run), asdict(ticket))


def drop_ticket(run: RunDirectory) -> None:
    """The run waits no more."""
    _path(run).unlink(missing_ok=True)


def waiting(home: Path) -> list[Waiting]:
    """The runs that wait, the next one first."""
    return [Waiting(run, ticket, life.has_supervisor(run)) for run, ticket in tickets(home)]


def tickets(home: Path) -> list[tuple[RunDirectory, Ticket]]:
    """The same without a look at who lives."""
    try:
        names = [entry.name.removesuffix(".json") for entry in os.scandir(folder(home))]
    except OSError:
        return []
    runs = [RunDirectory(runs_folder(home) / name) for name in names if RUN_ID.match(name)]
    found = [(run, ticket) for run in runs if run.path.is_dir() and (ticket := read_ticket(run)) is not None]
    return sorted(found, key=lambda one: (one[1].rank, one[0].id))


def next_rank(home: Path, first: bool = False) -> float:
    """A rank behind all others, or before them."""
    ranks = [one.ticket.rank for one in waiting(home)]
    if first:
        return min(ranks, default=time.time()) - 1
    return max([time.time(), *(rank + 1 for rank in ranks if rank < LAST)])


def move(home: Path, run: RunDirectory, place: int) -> int:
    """Put a run at a place of the queue, 1 for the next to start; returns the place it got. Raises QueueError or
    OSError.
    """
    with locked(home):
        order = [one for one in waiting(home) if one.run != run]
        ticket = _ticket_of(run)
        place = max(1, min(place, len(order) + 1))
        ranks = [one.ticket.rank for one in order]
        if place <= len(order):
            before = ranks[place - 2] if place > 1 else ranks[0] - 2
            rank = (before + ranks[place - 1]) / 2
        else:
            rank = ranks[-1] + 1 if ranks else ticket.rank
        if rank in ranks or abs(rank) >= LAST:
            # Halved too often, or behind one that cannot be read: all get a whole rank again.
            order.insert(place - 1, Waiting(run, ticket, True))
            for number, one in enumerate(order):
                write_ticket(one.run, replace(one.ticket, rank=float(number)))
        else:
            write_ticket(run, replace(ticket, rank=rank))
        return place


def move_by(run: RunDirectory, by: int) -> int:
    """Put a run so many places later; returns the place it got. Raises QueueError or OSError."""
    order = [one.run for one in waiting(run.home)]
    if run not in order:
        _ticket_of(run)
    return move(run.home, run, order.index(run) + 1 + by)


def toggle_pause(run: RunDirectory) -> None:
    """Hold a run, or let it go when it is held. Raises QueueError or OSError."""
    ticket = read_ticket(run)
    pause(run.home, run, ticket is None or not ticket.paused)


def pause(home: Path, run: RunDirectory | None, paused: bool) -> None:
    """Hold a run, or with None the whole queue, or let it go again. Raises QueueError or OSError."""
    with locked(home):
        mark = folder(home) / "paused"
        if run is not None:
            write_ticket(run, replace(_ticket_of(run), paused=paused))
        elif paused:
            mark.touch(mode=0o600)
        else:
            mark.unlink(missing_ok=True)


def is_paused(home: Path) -> bool:
    """Whether the whole queue is paused."""
    return (folder(home) / "paused").exists()


def remove(home: Path, run: RunDirectory) -> None:
    """Take a run out of the queue; it ends as stopped. Raises QueueError when it is not in it, or OSError."""
    with locked(home):
        _ticket_of(run)
        drop_ticket(run)
        if not life.has_supervisor(run):
            end(run)


def end(run: RunDirectory, reason: str = TAKEN_OUT) -> None:
    """Write the end of a run that never started. Raises OSError."""
    log = EventLog(run)
    log.phase(Phase.STOPPED)
    log.append("end", status=Phase.STOPPED.value, reason=reason)
    log.close()
    say(run, Phase.STOPPED, reason)


def say(run: RunDirectory, phase: Phase, reason: str, **more: Any) -> None:
    """Replace state.json of a run that has not started yet. Raises OSError."""
    write_json(run.state, {"phase": phase.value, "reason": reason, **processes.written_by(), **more})


def _ticket_of(run: RunDirectory) -> Ticket:
    ticket = read_ticket(run)
    if ticket is None:
        raise QueueError(
            f"{run.id} is not in the queue: it has started, or was taken out. `ftui queue` shows what waits."
        )
    return ticket
