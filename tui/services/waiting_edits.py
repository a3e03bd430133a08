"""Runs of the queue while their presets are edited: they do not start meanwhile."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from runner import safe_open
from runner.queue import tickets
from runner.store.directory import RunDirectory


class WaitingEdits:
    """Holds runs until they were assessed again, and lets them go when the app ends before. One is edited at a time."""

    def __init__(self) -> None:
        self.is_open = False
        self._held: dict[str, _Held] = {}
        self._ends = False

    def end(self) -> None:
        """The app ends."""
        self._ends = True
        for held in list(self._held.values()):
            held.let_go()

    def hold(self, run: RunDirectory, edit: Callable[[], None]) -> None:
        """Hold a run and call `edit`; release() is called when that is over. Raises QueueError or OSError, and what
        `edit` raises: then it is not held.
        """
        try:
            held = self._held[run.id] = _Held(run)
            tickets.pause(run.home, run, True)
            if self._ends:
                held.let_go()
            else:
                edit()
        except BaseException:
            self.is_open = False
            if (begun := self._held.pop(run.id, None)) is not None:
                begun.let_go()
            raise

    def release(self, run: RunDirectory) -> None:
        """Assess what became of it, which may take seconds; then it goes on waiting. Raises what change() does, and it
        stays paused.
        """
        try:
            self._held[run.id].assess_again()
        finally:
            self._held.pop(run.id, None)


class _Held:
    """A waiting run that is not started while it is edited."""

    def __init__(self, run: RunDirectory) -> None:
        self._home: Path = run.home
        self._run = run
        ticket = tickets.read_ticket(run)
        self._was_paused = ticket is not None and ticket.paused
        self._preset = safe_open.content(run.preset)

    def let_go(self) -> None:
        """It goes on waiting, if it was not changed: what was written and not assessed stays paused."""
        if safe_open.content(self._run.preset) == self._preset:
            with contextlib.suppress(tickets.QueueError, OSError):
                tickets.pause(self._home, self._run, self._was_paused)

    def assess_again(self) -> None:
        from runner.commands.queued import change

        change(self._home, self._run, ())
        tickets.pause(self._home, self._run, self._was_paused)
