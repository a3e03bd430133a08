"""The end of the run's console log."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.reactive import var
from textual.widgets import Static

from tui.glyphs import glyphs, plain
from tui.models.run_view import RunView


class LogTail(VerticalScroll, can_focus=True):
    """Follows the log while it is scrolled to its end; scrolled up, it stays where it is."""

    BORDER_TITLE = "Log"

    view: var[RunView | None] = var(None)

    def compose(self) -> ComposeResult:
        yield Static(id="lines")

    def watch_view(self, old: RunView | None, view: RunView | None) -> None:
        if view is None or (old is not None and old.console == view.console):
            return
        at_end = self.scroll_offset.y >= self.max_scroll_y - 1 or (old is not None and old.id != view.id)
        self.query_one("#lines", Static).update(
            Text(plain("\n".join(view.console)), no_wrap=True, overflow=glyphs().overflow)
        )
        self.border_subtitle = "" if at_end else "scrolled up"
        if at_end:
            # The new text has no height before the next layout.
            self.call_after_refresh(self.scroll_end, animate=False)
