"""A preset's file as text, with what is wrong with it below."""

from __future__ import annotations

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Static, TextArea

from tui.glyphs import plain


class YamlArea(TextArea):
    """ctrl+z stops the screen, as everywhere; ctrl+_ (on many keyboards ctrl+/) undoes, as in shells."""

    BINDINGS = [Binding("ctrl+underscore", "undo", "Undo", show=False)]


class YamlEditor(Vertical):
    """Posts Typed at every change; `problem` is shown until it is empty, and `is_broken` says that it is no YAML."""

    problem: reactive[str] = reactive("")
    is_broken = False

    class Typed(Message):
        """The text is now this."""

        def __init__(self, text: str) -> None:
            self.text = text
            super().__init__()

    def compose(self) -> ComposeResult:
        yield YamlArea(id="yaml", show_line_numbers=True, tab_behavior="focus")
        yield Static(id="yaml-problem")

    def begin(self, text: str) -> None:
        """Show this text and take the keyboard."""
        area = self.query_one(TextArea)
        with area.prevent(TextArea.Changed):
            area.load_text(text)
        self.problem, self.is_broken = "", False
        area.focus()

    def watch_problem(self, problem: str) -> None:
        box = self.query_one("#yaml-problem", Static)
        box.display = bool(problem)
        box.update(Text(plain(problem)))

    @on(TextArea.Changed)
    def _changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self.post_message(self.Typed(event.text_area.text))
