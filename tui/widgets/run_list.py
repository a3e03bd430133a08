"""The list of runs: thousands of them, filtered and in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from rich.text import Text
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip

from runner.insight.diagnosis import Severity
from runner.store.events import Phase
from tui.colours import LIVE, NOTE
from tui.glyphs import glyphs, plain
from tui.models.run_view import RunRow
from tui.widgets.lines import differences, strip_of
from tui.widgets.marks import phase_mark, verdict_mark
from tui.widgets.sparkline import sparkline

SPARK_WIDTH = 6
NARROW = 28
WIDE = 40


class Order(StrEnum):
    """What the list is sorted by."""

    NEWEST = "newest first"
    STATE = "by state"
    NAME = "by preset"
    VERDICT = "by verdict"
    BEST = "by best eval"


PHASE_ORDER = {Phase.FAILED: 1, Phase.LOST: 1, Phase.STOPPED: 2, Phase.FINISHED: 3}


@dataclass(frozen=True)
class Selection:
    """Which runs are listed, and in which order. Every word of `words` must be in name, state or verdict."""

    words: str = ""
    order: Order = Order.NEWEST

    def of(self, rows: Sequence[RunRow]) -> list[RunRow]:
        """The rows that are listed."""
        wanted = self.words.lower().split()
        found = (
            [row for row in rows if all(word in _searched(row) for word in wanted)] if wanted else list(rows)
        )
        if self.order is Order.STATE:
            found.sort(key=lambda row: PHASE_ORDER.get(row.phase, 0))
        elif self.order is Order.NAME:
            found.sort(key=lambda row: row.name)
        elif self.order is Order.VERDICT:
            found.sort(key=lambda row: (-row.severity, row.verdict))
        elif self.order is Order.BEST:
            found.sort(key=lambda row: (row.best_loss is None, row.best_loss or 0.0))
        return found


def _searched(row: RunRow) -> str:
    return f"{row.id} {row.phase.value} {row.verdict}".lower()


class RunList(ScrollView, can_focus=True):
    """Runs, newest first. The highlighted one is kept by its id while the list changes around it."""

    BINDINGS = [
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("home", "move(-1000000)", "First", show=False),
        Binding("end", "move(1000000)", "Last", show=False),
        Binding("enter", "choose", "Choose", show=False),
    ]
    COMPONENT_CLASSES = {"run-list--highlighted"}
    BORDER_TITLE = "Runs"

    rows: var[tuple[RunRow, ...]] = var(())
    selection: var[Selection] = var(Selection())

    class Highlighted(Message):
        """Another run is highlighted, None when there is none."""

        def __init__(self, run_id: str | None) -> None:
            self.run_id = run_id
            super().__init__()

    class Chosen(Message):
        """Enter was pressed, or a run was clicked."""

    def __init__(self) -> None:
        super().__init__()
        self.listed: list[RunRow] = []
        self._at: int | None = None
        self._is_to_be_seen = False
        self._told: str | None = None
        self._drawn: dict[int, Strip] = {}
        self._marked: dict[str, None] = {}

    # What is listed

    def watch_rows(self) -> None:
        self._list()

    def watch_selection(self) -> None:
        self._list()

    def _list(self) -> None:
        kept, was_at = self.highlighted_id, self._at
        was_seen = self._is_to_be_seen or self._is_seen
        before = len(self.listed)
        self.listed = self.selection.of(self.rows)
        index = next((i for i, row in enumerate(self.listed) if row.id == kept), None)
        if index is None and self.listed:
            index = 0 if kept is None or self._at is None else min(self._at, len(self.listed) - 1)
        self._at = index
        hidden = len(self.rows) - len(self.listed)
        # As a Text: what the user types is no markup.
        self.border_subtitle = Text(plain(self._subtitle(hidden)))
        if before != len(self.listed):
            self.virtual_size = Size(self.size.width, len(self.listed))
            self._drawn.clear()
            self.refresh()
        else:
            self._refresh_changed()
        if was_seen and index is not None and index != was_at:
            self._is_to_be_seen = True
            self.call_after_refresh(self._bring_into_sight)
        self._tell()

    def _bring_into_sight(self) -> None:
        """Where the highlighted run is by now: more may have come in above it meanwhile."""
        self._is_to_be_seen = False
        if self._at is not None:
            self.scroll_to_region(Region(0, self._at, 1, 1), animate=False, force=True)

    @property
    def _is_seen(self) -> bool:
        """Whether the highlighted run is in sight."""
        height = self.scrollable_content_region.height
        return self._at is not None and 0 <= self._at - self.scroll_offset.y < height

    def _subtitle(self, hidden: int) -> str:
        parts = [f"/{self.selection.words}"] if self.selection.words else []
        parts += [f"{hidden} hidden"] if hidden else []
        parts += [self.selection.order.value] if self.selection.order is not Order.NEWEST else []
        return " · ".join(parts)

    def _tell(self) -> None:
        if self.highlighted_id != self._told:
            self._told = self.highlighted_id
            self.post_message(self.Highlighted(self._told))

    @property
    def highlighted_id(self) -> str | None:
        """The id of the highlighted run."""
        return self.listed[self._at].id if self._at is not None and self._at < len(self.listed) else None

    def select_run(self, run_id: str | None) -> bool:
        """Highlight a run; False when it is not in the list."""
        for index, row in enumerate(self.listed):
            if row.id == run_id:
                self._highlight(index)
                return True
        return False

    def _highlight(self, index: int) -> None:
        self._at = index
        self._refresh_changed()
        self._bring_into_sight()
        self._tell()

    # Marking and sorting

    def mark(self) -> None:
        """Mark the highlighted run, or take its mark away, and go on to the next."""
        if (run_id := self.highlighted_id) is None:
            return
        if run_id in self._marked:
            del self._marked[run_id]
        else:
            self._marked[run_id] = None
        self.action_move(1)
        self._refresh_changed()

    def to_compare(self) -> tuple[str, ...]:
        """The marked runs in the order they were marked; of one or none, the highlighted and the one below it."""
        known = {row.id for row in self.rows}
        marked = [run_id for run_id in self._marked if run_id in known]
        if len(marked) >= 2 or self._at is None:
            return tuple(marked)
        pair = [*marked, *(row.id for row in self.listed[self._at : self._at + 2])]
        return tuple(dict.fromkeys(pair))[:2]

    def next_order(self) -> None:
        """Sort by the next criterion."""
        orders = list(Order)
        order = orders[(orders.index(self.selection.order) + 1) % len(orders)]
        self.selection = replace(self.selection, order=order)

    # Keys and mouse

    def action_move(self, by: int) -> None:
        if self.listed:
            self._highlight(max(0, min(len(self.listed) - 1, (self._at or 0) + by)))

    def action_page(self, by: int) -> None:
        self.action_move(by * max(1, self.scrollable_content_region.height - 1))

    def action_choose(self) -> None:
        if self.highlighted_id is not None:
            self.post_message(self.Chosen())

    def on_click(self, event: object) -> None:
        y = int(getattr(event, "y", 0)) + self.scroll_offset.y - self.gutter.top
        if 0 <= y < len(self.listed):
            self._highlight(y)

    # Drawing

    def on_resize(self) -> None:
        self.virtual_size = Size(self.size.width, len(self.listed))
        self._drawn.clear()
        self.refresh()

    def on_focus(self) -> None:
        self._refresh_changed()

    def on_blur(self) -> None:
        self._refresh_changed()

    def _refresh_changed(self) -> None:
        """Repaint only what differs from the screen. Regions count from the content: Textual adds the border itself."""
        for y, before in list(self._drawn.items()):
            after = self._strip(y)
            for start, end in differences(before, after):
                self.refresh(Region(start, y, end - start, 1))
            if before.cell_length != after.cell_length:
                self.refresh()

    def render_line(self, y: int) -> Strip:
        strip = self._strip(y)
        self._drawn[y] = strip
        return strip

    def _strip(self, y: int) -> Strip:
        index = y + self.scroll_offset.y
        width = self.scrollable_content_region.width
        style = self.rich_style
        if index >= len(self.listed) or width <= 0:
            return Strip.blank(max(0, width), style)
        row = self.listed[index]
        if index == self._at:
            style = self.get_component_rich_style("run-list--highlighted")
        return strip_of(run_line(row, max(16, width), row.id in self._marked), width).apply_style(style)


def run_line(row: RunRow, width: int, marked: bool = False) -> Text:
    """' ● qwen3-0.6b-chat    34 % ▂▃▁▁ ' in exactly one line of `width` cells."""
    mark, style = phase_mark(row.phase)
    right = _standing(row, style, width).append(" ")
    right.truncate(max(6, width - 12), overflow=glyphs().overflow)
    left = Text("+" if marked else " ", f"bold {NOTE}").append(f"{mark} ", style).append(plain(row.name))
    left.truncate(max(6, width - right.cell_len - 1), overflow=glyphs().overflow)
    return left.append(" " * max(1, width - left.cell_len - right.cell_len)).append_text(right)


def _standing(row: RunRow, style: str, width: int) -> Text:
    """Progress and shape of a living run; loss and verdict of a finished one, as a sign where there is little room."""
    text = Text()
    if not row.phase.is_over:
        if row.progress is None:
            place = f" {row.place}" if row.place else ""
            return text.append(f"{row.phase.value}{place}", "dim")
        text.append(f"{100 * row.progress:3.0f} % ")
        return text if width < NARROW else text.append(sparkline(row.losses, SPARK_WIDTH), LIVE)
    if row.phase is not Phase.FINISHED and row.severity < Severity.WARNING:
        return text.append(row.phase.value, style)
    if row.best_loss is not None:
        text.append(f"{row.best_loss:.3g} ")
    if row.answers and width >= WIDE:
        text.append(f"{row.answers} ", "dim")
    sign, colour = verdict_mark(row)
    if width < NARROW:
        return text.append(sign, colour)
    return text.append(plain(row.verdict) or "finished", colour)
