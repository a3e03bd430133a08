"""Waiting for a turn: what the supervisor of a queued run does until its GPU is free. Small on purpose: twenty runs may
wait at once, each a process, so neither numpy nor the preset's schema is imported here.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass

from runner import gpu
from runner.gpu import GpuReading
from runner.queue import admission, lease, tickets
from runner.queue.admission import Place
from runner.queue.tickets import Ticket
from runner.store import directory, life, requests
from runner.store.directory import RunDirectory
from runner.store.events import EventLog, Phase
from runner.store.requests import Request

POLL_SECONDS = 1.0
# How often it shows that it lives, to other machines that share its home.
SIGN_SECONDS = 60.0
# After so long a change of the queue's folder has a time stamp of its own, however coarse those are.
SETTLED_NS = 2_000_000_000


@dataclass(frozen=True)
class Start:
    """A run's turn has come: `lease` is the descriptor that holds its GPU."""

    place: Place
    lease: int


class WaitingRun:
    """Waits for the turn of one run."""

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self._home = run.home
        self._said: tuple[str, int] | None = None
        self._said_at = 0.0
        self._order: list[tuple[RunDirectory, Ticket]] = []
        self._changed = 0

    def wait(self) -> int | None:
        """Wait; returns the lease's descriptor with the GPU written to run.json, or None when the run was taken out.
        Raises OSError only when nothing can be read or written for good.
        """
        self._log(Phase.QUEUED)
        while True:
            if not self.run.path.is_dir():
                # It was deleted.
                tickets.drop_ticket(self.run)
                return None
            # Before the queue is locked: a sick driver takes seconds to answer.
            reading = self._reading()
            with tickets.locked(self._home):
                ticket = tickets.read_ticket(self.run)
                if ticket is None and not tickets.never_started(self.run):
                    # Another process was given its turn.
                    return None
                if ticket is None or self._is_to_end():
                    tickets.drop_ticket(self.run)
                    tickets.end(self.run)
                    return None
                found = self._start(ticket, reading)
                if isinstance(found, Start):
                    return found.lease
            self._say(found)
            time.sleep(POLL_SECONDS)

    def _reading(self) -> GpuReading:
        ticket = tickets.read_ticket(self.run)
        return gpu.read() if ticket is not None and ticket.gpu != gpu.CPU else GpuReading()

    def _is_to_end(self) -> bool:
        return any(requests.pending(self.run, one) for one in (Request.STOP, Request.STOP_NOW))

    def _start(self, ticket: Ticket, reading: GpuReading) -> Start | str:
        """The start, written down; or in words what it waits for, be it the disk."""
        try:
            found = self._look(ticket, reading)
            if isinstance(found, Start):
                self._take(found)
            return found
        except OSError as error:
            return f"its start cannot be written down: {error.strerror or error}"

    def _look(self, ticket: Ticket, reading: GpuReading) -> Start | str:
        """The start, or in words what it waits for."""
        if tickets.is_paused(self._home):
            return "the queue is paused: `ftui queue start`"
        if ticket.paused:
            return f"paused: `ftui queue start {self.run.id}`"
        everywhere = admission.places(ticket, reading)
        if not everywhere:
            return admission.no_place(ticket, reading)
        earlier = self._earlier()
        why = ""
        for place in everywhere:
            found = self._try(ticket, place, earlier)
            if isinstance(found, Start):
                return found
            why = why or found
        return why

    def _tickets(self) -> list[tuple[RunDirectory, Ticket]]:
        """All tickets, the next one first. They are read again only when one was changed: a hundred runs that
        read a hundred tickets each second would do nothing else.
        """
        try:
            changed = tickets.folder(self._home).stat().st_mtime_ns
        except OSError:
            changed = 0
        if changed != self._changed or time.time_ns() - changed < SETTLED_NS:
            self._order, self._changed = tickets.tickets(self._home), changed
        return self._order

    def _earlier(self) -> list[tuple[RunDirectory, Ticket]]:
        """Those who wait before this run, whether a process looks for them or not."""
        order = self._tickets()
        return order[: next((i for i, (run, _) in enumerate(order) if run == self.run), len(order))]

    def _try(self, ticket: Ticket, place: Place, earlier: list[tuple[RunDirectory, Ticket]]) -> Start | str:
        living = ((run.id, other) for run, other in earlier if life.has_supervisor(run))
        if first := admission.before(place, living):
            return f"it comes after {first}"
        held = lease.take(place.key, self.run)
        if held is None:
            other = lease.holder(place.key)
            return f"{place.name} has {other or 'another run'} on it"
        if missing := admission.lacking(ticket, place):
            os.close(held)
            return missing
        return Start(place, held)

    def _take(self, start: Start) -> None:
        """The run starts: from here on it cannot be changed or moved."""
        record = directory.read_json(self.run.run)
        chosen = start.place.gpu
        record |= {"gpu": chosen.as_record() if chosen is not None else None, "started_at": time.time()}
        try:
            directory.write_json(self.run.run, record)
        except OSError:
            os.close(start.lease)
            raise
        self._log(Phase.STARTING)
        tickets.drop_ticket(self.run)
        with contextlib.suppress(OSError):
            tickets.say(self.run, Phase.STARTING, "", supervisor_pid=os.getpid())

    def _log(self, phase: Phase) -> None:
        """Only for those who look."""
        with contextlib.suppress(OSError):
            log = EventLog(self.run)
            log.phase(phase)
            log.close()

    def _say(self, words: str) -> None:
        place = next((n for n, (run, _) in enumerate(self._tickets(), 1) if run == self.run), 0)
        if (words, place) == self._said and time.monotonic() < self._said_at + SIGN_SECONDS:
            return
        with contextlib.suppress(OSError):
            # A full disk must not end the waiting; the next second may be better.
            tickets.say(self.run, Phase.QUEUED, words, place=place, supervisor_pid=os.getpid())
            self._said, self._said_at = (words, place), time.monotonic()
