"""The X-ray of the data: a ledger of what is in them, and each row as the model sees it."""

from __future__ import annotations

import os
from collections.abc import Callable

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.reactive import reactive
from textual.screen import Screen
from textual.widgets import Footer, Static

from runner.insight.data import DataReport
from tui.colours import BAD, FAINT, GOOD, NOTE, QUIET
from tui.glyphs import plain
from tui.models.data_page import DataPage, Stretch
from tui.screens.row_dialog import RowDialog
from tui.widgets.data_ledger import DataLedger

# Without colours what is learned must be told apart some other way.
LEARNED = "bold underline" if os.environ.get("NO_COLOR") else f"bold {GOOD} on #1f2b22"
STYLES = {Stretch.READ: QUIET, Stretch.LEARNED: LEARNED, Stretch.CUT: f"strike {FAINT}"}


class DataScreen(Screen[None]):
    """Pages through the rows; what is learned is highlighted, what is cut is struck out."""

    CSS_PATH = "data.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (160, "-wide")]
    BINDINGS = [
        Binding("n,right", "turn(1)", "Next row", tooltip="The next row"),
        Binding("p,left", "turn(-1)", "Previous", tooltip="The previous row"),
        Binding("g", "go_to", "Go to", tooltip="Go to a row by its number"),
        Binding("x", "leave_out", "Leave out", tooltip="Leave this row out, where it cannot be used"),
        Binding("question_mark", "app.help", "Help", key_display="?", tooltip="Every key"),
        Binding("escape,q", "dismiss", "Back", tooltip="Back to the preset"),
    ]

    report: reactive[DataReport | None] = reactive(None)
    page: reactive[DataPage | None] = reactive(None, bindings=True)

    def __init__(
        self,
        name: str,
        report: DataReport | None,
        fetch: Callable[[str, int], None],
        leave_out: Callable[[int], None] | None = None,
    ) -> None:
        """`fetch` is asked for a row of a source; the page is set when it has come. `leave_out` is told the number of a
        training row that is not to be used.
        """
        super().__init__()
        self._leave_out, self._left_out = leave_out, set[int]()
        self._fetch = fetch
        self.set_reactive(DataScreen.report, report)
        self._name_shown = name
        self._source, self._row = "train", 1

    def compose(self) -> ComposeResult:
        yield Static(id="head")
        with Horizontal(id="body"):
            yield DataLedger().data_bind(DataScreen.report)
            with VerticalScroll(id="page-box"):
                yield Static(id="page")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one(DataLedger).focus()
        self._draw_head()
        self._ask(self._source, self._row)

    def watch_report(self) -> None:
        self._draw_head()

    def _draw_head(self) -> None:
        report = self.report
        head = Text(plain(f"Data of {self._name_shown}"), "bold")
        if report is not None and not report.complete and not report.problem:
            head.append(
                plain(f" · {'a sample so far' if report.sampled else f'{100 * report.progress:.0f} % read'}"),
                QUIET,
            )
        head.append(plain("   read "), QUIET).append(" learned ", LEARNED).append(
            " cut ", STYLES[Stretch.CUT]
        )
        self.query_one("#head", Static).update(head)

    def watch_page(self, page: DataPage | None) -> None:
        box = self.query_one("#page-box", VerticalScroll)
        if page is None:
            self.query_one("#page", Static).update(Text(plain("reading the row …"), "dim"))
            return
        box.border_title = Text(plain(f"{page.source} row {page.row:,}"))
        cut = f" · {page.cut} cut" if page.cut else ""
        samples = f"{page.samples} samples · " if page.samples > 1 else ""
        box.border_subtitle = (
            plain(f"{page.format} · {samples}{page.tokens} tokens · {page.trained} learned{cut}")
            if page.format
            else ""
        )
        self.query_one("#page", Static).update(page_text(page))
        box.scroll_home(animate=False)

    def _ask(self, source: str, row: int) -> None:
        self._source, self._row = source, row
        self._fetch(source, row)

    def action_turn(self, by: int) -> None:
        last = self._last()
        row = max(1, self._row + by)
        self._ask(self._source, min(row, last) if last else row)

    def _last(self) -> int | None:
        sources = self.report.sources if self.report is not None else ()
        return next((one.rows_expected or one.rows_read for one in sources if one.name == self._source), None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self._is_to_leave_out if action == "leave_out" else super().check_action(action, parameters)

    @property
    def _is_to_leave_out(self) -> bool:
        """Whether a training row is shown that cannot be used, and is not left out yet."""
        page, report = self.page, self.report
        if page is None or report is None or self._leave_out is None or page.row in self._left_out:
            return False
        # With a problem of the whole source no row of it is at fault.
        is_bad = bool(page.problem) and page.source == "train" and not report.problem
        known = {note.row for one in report.sources if one.name == "train" for note in one.left_out.notes}
        return is_bad and page.row not in known

    def action_leave_out(self) -> None:
        if self.page is not None and self._leave_out is not None:
            self._left_out.add(self.page.row)
            self._leave_out(self.page.row)
            self.refresh_bindings()

    @on(DataLedger.RowPicked)
    def _picked(self, event: DataLedger.RowPicked) -> None:
        self._ask(event.source, event.row)

    def action_go_to(self) -> None:
        def answered(row: int | None) -> None:
            if row is not None:
                last = self._last()
                self._ask(self._source, min(row, last) if last else row)

        self.app.push_screen(RowDialog(self._row, self._last()), answered)


def page_text(page: DataPage) -> Text:
    """A row with its stretches styled; the raw row when it cannot be used."""
    text = Text(overflow="fold")
    if page.problem:
        text.append(plain(f"{page.problem}\n\n"), f"bold {BAD}")
        return text.append(plain(page.raw), QUIET)
    for remark in page.remarks:
        text.append(plain(f"{remark}\n"), NOTE)
    for words, stretch in page.segments:
        text.append(plain_lines(words), STYLES[stretch])
    return text


def plain_lines(words: str) -> str:
    """Text fit for the terminal, line by line."""
    return "\n".join(plain(line) for line in words.split("\n"))
