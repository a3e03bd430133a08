"""The app's part in the queue: shows it, and changes it in threads."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import App

from runner import safe_open
from runner.queue import tickets
from runner.store.directory import RunDirectory, runs_folder
from tui.editing import Editing
from tui.messages import QueueChangeAsked
from tui.models.queue_view import QueueRow, QueueView
from tui.models.run_view import name_of
from tui.services import actions
from tui.services.queue import QueueService

if TYPE_CHECKING:
    from tui.screens.queue import QueueScreen


class Queueing:
    """The queue is read only while it is on the screen."""

    def __init__(self, app: App[None], home: Path, editing: Editing) -> None:
        self._app, self._home, self._editing = app, home, editing
        self.screen: QueueScreen | None = None
        self._service: QueueService | None = None
        self._in_turn = threading.Lock()
        self._edits = False
        # Until they were judged again, {run id: …}: the app may end before.
        self._held: dict[str, _Held] = {}
        self._ends = False

    def show(self) -> None:
        """Open the screen."""
        from tui.screens.queue import QueueScreen

        if self.screen is not None:
            return
        self.screen = QueueScreen()
        self._service = QueueService(self._app.post_message, self._home)
        self._service.start()
        self._app.push_screen(self.screen, self._left)

    def _left(self, _: None) -> None:
        self.screen = None
        self.stop()

    def stop(self) -> None:
        """It is not on the screen any more."""
        if self._service is not None:
            self._service.stop()
            self._service = None

    def quit(self) -> None:
        """The app ends."""
        self.stop()
        self._ends = True
        for held in list(self._held.values()):
            held.let_go()

    def read(self, view: QueueView) -> None:
        """It has news."""
        if self.screen is not None:
            self.screen.queue = view

    def grant(self, message: QueueChangeAsked) -> None:
        """Do what the screen asks for."""
        row = message.row
        # What was asked for holds for the queue as it is by then, which the screen may not show yet.
        if message.wish == "pause_all":
            self._do("Not changed", lambda home: tickets.pause(home, None, not tickets.is_paused(home)))
        elif message.wish == "start":
            self._do("Not started", _wait_again)
        elif row is None:
            return
        elif message.wish == "move":
            self._do("Not moved", lambda home: _move(home, row, message.by))
        elif message.wish == "pause":
            self._do("Not changed", lambda home: _hold(home, row, not _is_held(home, row)))
        elif message.wish == "remove":
            self.take_out(row.id)
        elif message.wish == "edit":
            self._edit(row)

    def _do(self, failed: str, change: Callable[[Path], object], in_turn: bool = True) -> None:
        """Do it in a thread; `in_turn` is one after the other, so that two moves are not one."""

        def work() -> None:
            with self._in_turn if in_turn else contextlib.nullcontext():
                change(self._home)
            if self._service is not None:
                self._service.nudge()

        actions.in_thread(self._app.post_message, failed, work)

    def take_out(self, run_id: str) -> None:
        """Ask whether a run that waits is to leave the queue: there is nothing to save, and nothing to ask of it."""
        from tui.screens.questions import ConfirmDialog

        def answered(answer: str | None) -> None:
            if answer is not None:
                self._do("Not taken out", lambda home: tickets.remove(home, _run(home, run_id)))

        heading = f"Take {name_of(run_id)} out of the queue"
        question = "It has not started, and will not. It stays in the list of runs, as stopped."
        self._app.push_screen(ConfirmDialog(heading, question, [("x", "take it out")]), answered)

    def _edit(self, row: QueueRow) -> None:
        """It is not started while it is edited; afterwards it is judged again and goes on waiting."""
        if self._edits:
            return
        self._edits = True

        def hold(home: Path) -> None:
            run = _run(home, row.id)
            held = _Held(home, run)

            def judge(_: Path) -> None:
                try:
                    held.judge()
                finally:
                    self._held.pop(run.id, None)

            def left() -> None:
                self._edits = False
                # Looking at the data once more may take seconds.
                self._do("It stays paused", judge, in_turn=False)

            self._held[run.id] = held
            try:
                tickets.pause(home, run, True)
                if self._ends:
                    held.let_go()
                    return
                self._app.call_from_thread(self._editing.edit_waiting, run, left)
            except BaseException:
                self._edits = False
                self._held.pop(run.id, None)
                held.let_go()
                raise

        self._do("Cannot be edited", hold)


class _Held:
    """A waiting run that is not started while it is edited."""

    def __init__(self, home: Path, run: RunDirectory) -> None:
        self._home, self._run = home, run
        ticket = tickets.read_ticket(run)
        self._was_paused = ticket is not None and ticket.paused
        self._preset = safe_open.content(run.preset)

    def let_go(self) -> None:
        """It goes on waiting, if it was not changed: what was written and not judged stays paused."""
        if safe_open.content(self._run.preset) == self._preset:
            with contextlib.suppress(tickets.QueueError, OSError):
                tickets.pause(self._home, self._run, self._was_paused)

    def judge(self) -> None:
        """Judge what became of it; then it goes on waiting. Raises what change() does, and it stays paused."""
        from runner.commands.queued import change

        change(self._home, self._run, ())
        tickets.pause(self._home, self._run, self._was_paused)


def _move(home: Path, row: QueueRow, by: int) -> None:
    order = [one.run.id for one in tickets.waiting(home)]
    place = order.index(row.id) + 1 if row.id in order else row.place
    tickets.move(home, _run(home, row.id), place + by)


def _is_held(home: Path, row: QueueRow) -> bool:
    ticket = tickets.read_ticket(_run(home, row.id))
    return ticket is not None and ticket.paused


def _hold(home: Path, row: QueueRow, paused: bool) -> None:
    tickets.pause(home, _run(home, row.id), paused)


def _wait_again(home: Path) -> None:
    from runner.commands.queued import wait_again

    wait_again(home)


def _run(home: Path, run_id: str) -> RunDirectory:
    return RunDirectory(runs_folder(home) / run_id)
