"""What waits, in its order: move it, hold it, change it, take it out."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.reactive import var
from textual.widgets import Footer, OptionList, Static
from textual.widgets.option_list import Option

from runner.queue import tickets
from runner.store.directory import RunDirectory, runs_folder
from tui.colours import BAD, LIVE, NOTE, QUIET
from tui.glyphs import glyphs, plain
from tui.messages import QueueRead
from tui.models.queue_view import QueueRow, QueueView
from tui.screens import run_control
from tui.screens.live import LiveScreen
from tui.screens.workbench import open_draft
from tui.services import actions, drafts
from tui.services.queue import QueueService
from tui.services.waiting_edits import WaitingEdits
from tui.widgets.options import Options

# The whole id is shown below the list.
RUN = re.compile(r"\b\d{8}-\d{6}-(\S+)-[0-9a-f]{4}\b")
EMPTY = "Nothing waits. l on a preset, then w, puts it here; `ftui queue add PRESET --sweep KEY=A,B` several at once."
PAUSED = "The whole queue is paused: nothing starts until P is pressed again."
FORSAKEN = "For some no process waits since the machine went down: r lets them wait again."


class QueueScreen(LiveScreen):
    """The next run to start is on top."""

    CSS_PATH = "queue.tcss"
    BINDINGS = [
        Binding("e", "edit", "Edit", tooltip="Change the settings of a run that waits"),
        Binding("K,shift+up", "move(-1)", "Up", key_display="K", tooltip="Start it earlier"),
        Binding("J,shift+down", "move(1)", "Down", key_display="J", tooltip="Start it later"),
        Binding("p", "pause", "Pause", tooltip="Hold this run, or let it go on"),
        Binding("P", "pause_all", "Pause all", tooltip="Hold the whole queue, or let it go on"),
        Binding("x", "remove", "Take out", tooltip="Take a run out of the queue (asks first)"),
        Binding("r", "start", "Wait again", tooltip="Wait again for what no process waits for"),
        Binding("escape,w", "dismiss", "Back", tooltip="Back to the runs"),
        Binding("question_mark", "app.help", "Help", tooltip="Every key"),
    ]

    queue: var[QueueView | None] = var(None)

    def __init__(self, home: Path, edits: WaitingEdits) -> None:
        super().__init__()
        self._home, self._edits = home, edits
        self._service = QueueService(self.post_message, home)
        self._in_turn = threading.Lock()

    def compose(self) -> ComposeResult:
        yield Static(id="head")
        rows = Options(id="rows")
        rows.border_title = "Queue"
        yield rows
        yield Static(id="why")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()
        self._service.start()
        if self.queue is not None:
            self._show(None, self.queue)

    def on_unmount(self) -> None:
        self._service.stop()

    def on_queue_read(self, message: QueueRead) -> None:
        self.queue = message.queue

    @property
    def _chosen(self) -> QueueRow | None:
        at = self.query_one(OptionList).highlighted
        rows = self.queue.rows if self.queue is not None else ()
        return rows[at] if at is not None and at < len(rows) else None

    def watch_queue(self, before: QueueView | None, queue: QueueView | None) -> None:
        # News may come before there is anything to show them on, and when there no longer is.
        if queue is not None and self.query(OptionList):
            self._show(before, queue)

    def _show(self, before: QueueView | None, queue: QueueView) -> None:
        at = self._at
        chosen = before.rows[at].id if before and at is not None and at < len(before.rows) else None
        rows = self.query_one(OptionList)
        rows.clear_options()
        rows.add_options([Option(line(row), id=row.id) for row in queue.rows])
        kept = next((i for i, row in enumerate(queue.rows) if row.id == chosen), None)
        if queue.rows:
            rows.highlighted = kept if kept is not None else min(at or 0, len(queue.rows) - 1)
        self.query_one("#head", Static).update(head(queue))
        self._show_why()

    @property
    def _at(self) -> int | None:
        return self.query_one(OptionList).highlighted

    def on_option_list_option_highlighted(self) -> None:
        self._show_why()

    def on_option_list_option_selected(self) -> None:
        self.action_edit()

    def _show_why(self) -> None:
        row = self._chosen
        text = (
            Text(EMPTY, QUIET)
            if row is None
            else Text(plain(f"{row.id}\n{row.why}"), BAD if not row.is_alive else "")
        )
        self.query_one("#why", Static).update(text)

    # What was asked for holds for the queue as it is by then, which the screen may not show yet.

    def action_move(self, by: int) -> None:
        row = self._chosen
        if row is not None and self.queue is not None and 1 <= row.place + by <= len(self.queue.rows):
            self._do("Not moved", lambda: tickets.move_by(self._run(row), by))

    def action_pause(self) -> None:
        if (row := self._chosen) is not None:
            self._do("Not changed", lambda: tickets.toggle_pause(self._run(row)))

    def action_pause_all(self) -> None:
        self._do("Not changed", lambda: tickets.pause(self._home, None, not tickets.is_paused(self._home)))

    def action_remove(self) -> None:
        if (row := self._chosen) is not None:
            run_control.ask_take_out(self.app, self._run(row), self._service.nudge)

    def action_start(self) -> None:
        def start() -> None:
            from runner.commands.queued import wait_again

            wait_again(self._home)

        self._do("Not started", start)

    def action_edit(self) -> None:
        """It is not started while it is edited; afterwards it is assessed again and goes on waiting."""
        row = self._chosen
        if row is None or self._edits.is_open:
            return
        self._edits.is_open = True
        run = self._run(row)

        def left() -> None:
            self._edits.is_open = False
            # Looking at the data once more may take seconds.
            self._do("It stays paused", lambda: self._edits.release(run), in_turn=False)

        def edit() -> None:
            self.app.call_from_thread(
                open_draft,
                self.app,
                self._home,
                lambda: drafts.of_waiting(self._home, run),
                run,
                left,
            )

        self._do("Cannot be edited", lambda: self._edits.hold(run, edit))

    def _run(self, row: QueueRow) -> RunDirectory:
        return RunDirectory(runs_folder(self._home) / row.id)

    def _do(self, failed: str, change: Callable[[], object], in_turn: bool = True) -> None:
        """Do it in a thread; `in_turn` is one after the other, so that two moves are not one."""

        def work() -> None:
            with self._in_turn if in_turn else contextlib.nullcontext():
                change()
            self._service.nudge()

        actions.in_thread(self.app.post_message, failed, work)


def head(queue: QueueView) -> Text:
    """What holds for all of them."""
    if queue.paused:
        return Text(PAUSED, f"bold {NOTE}")
    if queue.is_forsaken:
        return Text(FORSAKEN, f"bold {BAD}")
    return Text("Each starts when its GPU has no other run and the VRAM it needs is free.", QUIET)


def line(row: QueueRow) -> Text:
    """' 2  demo-overfit   any GPU   18.2 GiB   it comes after …'."""
    marks: Sequence[tuple[str, str]] = (
        (f"{row.place:>3} ", "bold"),
        (f"{glyphs().queued} ", QUIET if row.is_alive else BAD),
        (plain(f"{row.name:<24} "), f"bold {LIVE}" if row.place == 1 else ""),
        (plain(f"{row.target:<12} {row.need:>9}  "), ""),
        (plain(RUN.sub(r"\1", row.why)), BAD if not row.is_alive else NOTE if row.paused else QUIET),
    )
    text = Text(no_wrap=True, overflow="ellipsis")
    for words, style in marks:
        text.append(words, style)
    return text
