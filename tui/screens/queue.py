"""What waits, in its order: move it, hold it, change it, take it out."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.reactive import var
from textual.screen import Screen
from textual.widgets import Footer, OptionList, Static
from textual.widgets.option_list import Option

from tui.colours import BAD, LIVE, NOTE, QUIET
from tui.glyphs import glyphs, plain
from tui.messages import QueueChangeAsked
from tui.models.queue_view import QueueRow, QueueView
from tui.widgets.options import Options

# The whole id is shown below the list.
RUN = re.compile(r"\b\d{8}-\d{6}-(\S+)-[0-9a-f]{4}\b")
EMPTY = "Nothing waits. l on a preset, then w, puts it here; `ftui queue add PRESET --sweep KEY=A,B` several at once."
PAUSED = "The whole queue is paused: nothing starts until P is pressed again."
FORSAKEN = "For some no process waits since the machine went down: r lets them wait again."


class QueueScreen(Screen[None]):
    """The next run to start is on top."""

    CSS_PATH = "queue.tcss"
    BINDINGS = [
        Binding("e", "ask('edit')", "Edit", tooltip="Change the settings of a run that waits"),
        Binding("K,shift+up", "move(-1)", "Up", key_display="K", tooltip="Start it earlier"),
        Binding("J,shift+down", "move(1)", "Down", key_display="J", tooltip="Start it later"),
        Binding("p", "ask('pause')", "Pause", tooltip="Hold this run, or let it go on"),
        Binding("P", "ask('pause_all')", "Pause all", tooltip="Hold the whole queue, or let it go on"),
        Binding("x", "ask('remove')", "Take out", tooltip="Take a run out of the queue (asks first)"),
        Binding("r", "ask('start')", "Wait again", tooltip="Wait again for what no process waits for"),
        Binding("escape,w", "dismiss", "Back", tooltip="Back to the runs"),
        Binding("question_mark", "app.help", "Help", tooltip="Every key"),
    ]

    queue: var[QueueView | None] = var(None)

    def compose(self) -> ComposeResult:
        yield Static(id="head")
        rows = Options(id="rows")
        rows.border_title = "Queue"
        yield rows
        yield Static(id="why")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()
        if self.queue is not None:
            self._show(None, self.queue)

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
        self.action_ask("edit")

    def _show_why(self) -> None:
        row = self._chosen
        text = (
            Text(EMPTY, QUIET)
            if row is None
            else Text(plain(f"{row.id}\n{row.why}"), BAD if not row.is_alive else "")
        )
        self.query_one("#why", Static).update(text)

    def action_ask(self, wish: str) -> None:
        row = self._chosen
        if row is not None or wish in ("pause_all", "start"):
            self.post_message(QueueChangeAsked(wish, row))

    def action_move(self, by: int) -> None:
        row = self._chosen
        if row is not None and self.queue is not None and 1 <= row.place + by <= len(self.queue.rows):
            self.post_message(QueueChangeAsked("move", row, by))


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
