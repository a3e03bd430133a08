"""The app's part in the queue: shows it, and changes it in threads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import App

from runner.run import queue
from runner.run.directory import RunDirectory, runs_folder
from tui.editing import Editing
from tui.messages import QueueChangeAsked
from tui.services import actions
from tui.services.queue import QueueService
from tui.waiting import QueueRow, QueueView

if TYPE_CHECKING:
    from tui.screens.queue import QueueScreen


class Queueing:
    """The queue is read only while somebody looks at it."""

    def __init__(self, app: App[None], home: Path, editing: Editing) -> None:
        self._app, self._home, self._editing = app, home, editing
        self.screen: QueueScreen | None = None
        self._service: QueueService | None = None

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
        """Nobody looks any more."""
        if self._service is not None:
            self._service.stop()
            self._service = None

    def read(self, view: QueueView) -> None:
        """It has news."""
        if self.screen is not None:
            self.screen.queue = view

    def grant(self, message: QueueChangeAsked) -> None:
        """Do what the screen asks for."""
        row = message.row
        if message.wish == "pause_all":
            self._toggle_all()
        elif message.wish == "start":
            self._do("Not started", _wait_again)
        elif row is None:
            return
        elif message.wish == "move":
            self._do("Not moved", lambda home: queue.move(home, _run(home, row), message.place))
        elif message.wish == "pause":
            self._do("Not changed", lambda home: queue.pause(home, _run(home, row), not row.paused))
        elif message.wish == "remove":
            self._ask_remove(row)
        elif message.wish == "edit":
            self._edit(row)

    def _do(self, failed: str, change: Callable[[Path], object]) -> None:
        def work() -> None:
            change(self._home)
            if self._service is not None:
                self._service.nudge()

        actions.in_thread(self._app.post_message, failed, work)

    def _toggle_all(self) -> None:
        if self.screen is None or self.screen.queue is None:
            return
        paused = not self.screen.queue.paused
        self._do("Not changed", lambda home: queue.pause(home, None, paused))

    def _ask_remove(self, row: QueueRow) -> None:
        from tui.screens.questions import ConfirmDialog

        def answered(answer: str | None) -> None:
            if answer is not None:
                self._do("Not taken out", lambda home: queue.remove(home, _run(home, row)))

        question = "It will not start. It stays in the list of runs, as stopped."
        self._app.push_screen(
            ConfirmDialog(f"Take {row.name} out", question, [("x", "take it out")]), answered
        )

    def _edit(self, row: QueueRow) -> None:
        """Nobody starts it while it is edited; afterwards it is judged again and goes on waiting."""

        def open_it() -> None:
            self._editing.edit_waiting(_run(self._home, row).preset, left)

        def left() -> None:
            self._do("It stays paused", lambda home: _judge_again(home, row))

        def hold(home: Path) -> None:
            queue.pause(home, _run(home, row), True)
            self._app.call_from_thread(open_it)

        self._do("Cannot be edited", hold)


def _judge_again(home: Path, row: QueueRow) -> None:
    """Raises what change() does; then it stays paused."""
    from runner.check.queueing import change

    change(home, _run(home, row), ())
    queue.pause(home, _run(home, row), row.paused)


def _wait_again(home: Path) -> None:
    from runner.run.enqueue import wait_again

    wait_again(home)


def _run(home: Path, row: QueueRow) -> RunDirectory:
    return RunDirectory(runs_folder(home) / row.id)
