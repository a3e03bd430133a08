"""Asks for the number of a row."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Input

from tui.screens.dialog import Dialog


class RowDialog(Dialog[int | None]):
    """Answers with a row's number, None for cancel."""

    heading = "Go to row"
    BINDINGS = [Binding("escape", "dismiss", "Cancel", show=False)]

    def __init__(self, row: int, last: int | None) -> None:
        super().__init__()
        self._row = row
        self._last = last

    def content(self) -> RenderableType:
        return Text(f"A number from 1 to {self._last:,}." if self._last else "A number from 1 on.")

    def extra(self) -> ComposeResult:
        yield Input(str(self._row), type="integer", max_length=12, id="row")

    def keys(self) -> Text:
        return Text(" enter ", "reverse").append(" go    ").append(" esc ", "reverse").append(" cancel")

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    @on(Input.Submitted)
    def _answer(self, event: Input.Submitted) -> None:
        if event.value.isdigit() and int(event.value) >= 1:
            self.dismiss(int(event.value))
