"""The queue as it is shown. No textual here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runner import gpu
from runner.insight.figures import gib
from runner.queue import tickets
from runner.queue.tickets import Waiting
from runner.store import summary
from tui.models.run_view import name_of, text

UNATTENDED = "no process waits for it: the machine went down, or its process was killed"


@dataclass(frozen=True)
class QueueRow:
    """A run that waits; `place` is 1 for the next one, `why` what it waits for."""

    id: str
    place: int
    target: str
    need: str
    why: str
    paused: bool = False
    is_alive: bool = True

    @property
    def name(self) -> str:
        return name_of(self.id)


@dataclass(frozen=True)
class QueueView:
    """Everything that waits, the next one first."""

    rows: tuple[QueueRow, ...] = ()
    paused: bool = False

    @property
    def is_forsaken(self) -> bool:
        """Whether there are runs no process waits for."""
        return any(not row.is_alive for row in self.rows)


def read_queue(home: Path) -> QueueView:
    """The queue now."""
    rows = [_row(one, place) for place, one in enumerate(tickets.waiting(home), 1)]
    return QueueView(tuple(rows), tickets.is_paused(home))


def _row(one: Waiting, place: int) -> QueueRow:
    why = text(summary.read_state(one.run).get("reason")) if one.is_alive else UNATTENDED
    if one.ticket.paused and not one.is_alive:
        why = f"paused; {why}"
    return QueueRow(one.run.id, place, _target(one), _need(one), why, one.ticket.paused, one.is_alive)


def _target(one: Waiting) -> str:
    """Where a run wants to go, in a word."""
    return {None: "any GPU", gpu.CPU: "CPU"}.get(one.ticket.gpu, text(one.ticket.gpu)[:12])


def _need(one: Waiting) -> str:
    """The VRAM it needs; empty for the CPU."""
    if one.ticket.gpu == gpu.CPU:
        return ""
    return f"{gib(one.ticket.need_mib)} GiB" if one.ticket.need_mib is not None else "unknown"
