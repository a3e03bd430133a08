"""The whole log of a run, with search. Progress bars are folded to their last state."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Footer, Input

from tui.colours import NOTE
from tui.glyphs import plain
from tui.messages import LogRead
from tui.models.run_view import RunView
from tui.screens.live import LiveScreen
from tui.services import runs_read
from tui.widgets.lines import strip_of

MARK = f"black on {NOTE}"


class LogView(ScrollView, can_focus=True):
    """Lines of text, of which only those in sight are drawn; every match of `words` is marked."""

    lines: var[tuple[str, ...]] = var(())
    words: var[str] = var("")
    at: var[int | None] = var(None)

    def watch_lines(self, old: tuple[str, ...], new: tuple[str, ...]) -> None:
        at_end = self.scroll_offset.y >= self.max_scroll_y - 1
        self.virtual_size = Size(max((cell_len(plain(line)) for line in new), default=0), len(new))
        self.refresh()
        if at_end or not old:
            self.call_after_refresh(self.scroll_end, animate=False)

    def watch_words(self) -> None:
        self.refresh()

    def watch_at(self, at: int | None) -> None:
        self.refresh()
        if at is not None:
            self.scroll_to_region(Region(0, at, 1, 1), animate=False, force=True, center=True)

    def found(self) -> list[int]:
        """Numbers of the lines that hold the words, case aside."""
        wanted = self.words.lower()
        return [i for i, line in enumerate(self.lines) if wanted in line.lower()] if wanted else []

    def render_line(self, y: int) -> Strip:
        number = y + self.scroll_offset.y
        width = self.scrollable_content_region.width
        style = self.rich_style
        if number >= len(self.lines):
            return Strip.blank(width, style)
        text = Text(plain(self.lines[number]))
        if self.words:
            text.highlight_words([self.words], MARK, case_sensitive=False)
        if number == self.at:
            text.stylize("bold")
        whole = max(width, self.virtual_size.width)
        return (
            strip_of(text, whole).crop(self.scroll_offset.x, self.scroll_offset.x + width).apply_style(style)
        )


class LogScreen(LiveScreen):
    """Search with /, go on with n and N."""

    CSS_PATH = "log.tcss"
    BINDINGS = [
        Binding("slash", "search", "Search", tooltip="Find words in the log"),
        Binding("n", "next(1)", "Next", tooltip="The next line with those words"),
        Binding("N", "next(-1)", "Previous", tooltip="The line before with those words"),
        Binding("escape,g", "back", "Back", tooltip="Back to the run"),
        Binding("question_mark", "app.help", "Help", tooltip="Every key"),
    ]

    lines: var[tuple[str, ...]] = var(())

    def __init__(self, view: RunView) -> None:
        super().__init__()
        self.set_reactive(LogScreen.view, view)
        # What the run's view has of it, until the whole is read.
        self.set_reactive(LogScreen.lines, view.console)

    def compose(self) -> ComposeResult:
        yield LogView(id="log").data_bind(LogScreen.lines)
        yield Input(placeholder="words to find", id="words")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        log = self.query_one(LogView)
        log.focus()
        self._name_run()
        self.query_one(Input).display = False
        self._read()

    def watch_view(self, before: RunView | None, view: RunView | None) -> None:
        if before is None or view is None:
            return
        if view.path != before.path:
            self._name_run()
        if view.console != before.console:
            self._read()

    def _name_run(self) -> None:
        """The run may be another one than when the screen was opened: a start goes on behind it."""
        for log in self.query(LogView):
            log.border_title = Text(plain(f"Log of {self.view.name if self.view is not None else '?'}"))

    def _read(self) -> None:
        if self.view is not None:
            runs_read.log(self.post_message, self.view.path)

    def on_log_read(self, message: LogRead) -> None:
        if self.view is not None and message.path == self.view.path:
            self.lines = message.lines or self.view.console

    def action_search(self) -> None:
        words = self.query_one(Input)
        words.display = True
        words.focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self.query_one(LogView).words = event.value
        self._tell()

    @on(Input.Submitted)
    def _search(self) -> None:
        self.query_one(Input).display = bool(self.query_one(Input).value)
        self.query_one(LogView).focus()
        self.action_next(-1)

    def action_next(self, by: int) -> None:
        log = self.query_one(LogView)
        found = log.found()
        if not found:
            self._tell()
            return
        here = log.at if log.at is not None else len(log.lines)
        later = [i for i in found if i > here]
        earlier = [i for i in found if i < here]
        log.at = (later or found)[0] if by > 0 else (earlier or found)[-1]
        self._tell()

    def _tell(self) -> None:
        log = self.query_one(LogView)
        found = log.found()
        place = f"{found.index(log.at) + 1} of " if log.at in found else ""
        log.border_subtitle = f"{place}{len(found)} lines" if log.words else ""

    def action_back(self) -> None:
        words = self.query_one(Input)
        if words.display:
            words.value, words.display = "", False
            self.query_one(LogView).focus()
        else:
            self.dismiss()
