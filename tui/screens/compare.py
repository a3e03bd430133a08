"""Runs side by side: curves over each other, what was set differently, and whether the difference can be seen."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.reactive import var
from textual.screen import Screen
from textual.widgets import Footer, Static

from runner.report.comparison import Compared, SideBySide, letter, side_by_side
from tui.charts.overlay import colour, overlay
from tui.charts.plot import draw
from tui.charts.view import ChartMode
from tui.colours import QUIET
from tui.glyphs import glyphs, plain
from tui.messages import RunsCompared
from tui.models.run_view import name_of
from tui.services import runs_read
from tui.services.run_reader import RunSource
from tui.widgets.lines import Drawing


class OverlayChart(Drawing):
    """The curves of several runs."""

    runs: var[Sequence[Compared]] = var(())
    mode: var[ChartMode] = var(ChartMode())

    def watch_runs(self) -> None:
        self.draw()

    def watch_mode(self) -> None:
        self.draw()

    def lines(self, width: int, height: int) -> Sequence[Text]:
        if not self.runs or width < 1 or height < 1:
            return []
        return draw(overlay([run.curves for run in self.runs], self.mode, width), width, height)


class CompareScreen(Screen[None]):
    """The first run is the one the others are held against."""

    CSS_PATH = "compare.tcss"
    BINDINGS = [
        Binding("x", "axis", "x axis", tooltip="Align on step, epoch, tokens or time"),
        Binding("m", "smooth", "Smoothing", tooltip="Smooth the train loss, more, or not"),
        Binding("y", "scale", "y scale", tooltip="Scale of the loss: as it fits, linear or logarithmic"),
        Binding("escape,c", "dismiss", "Back", tooltip="Back to the runs"),
        Binding("question_mark", "app.help", "Help", tooltip="Every key"),
    ]

    runs: var[Sequence[Compared]] = var(())

    def __init__(self, targets: Sequence[RunSource]) -> None:
        super().__init__()
        self._targets = targets

    def compose(self) -> ComposeResult:
        yield Static(Text(plain(f"reading {len(self._targets)} runs …"), "dim"), id="head")
        yield OverlayChart(id="chart")
        with VerticalScroll(id="tables"):
            yield Static(id="words")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one("#tables").focus()
        runs_read.compare(self.post_message, self._targets)

    def on_runs_compared(self, message: RunsCompared) -> None:
        self.runs = message.runs

    def watch_runs(self) -> None:
        if not self.is_mounted or not self.runs:
            return
        head = Text()
        for place, run in enumerate(self.runs):
            head.append(f" {letter(place)} ", f"bold {colour(place)}").append(
                plain(f"{name_of(run.id)}  "), QUIET
            )
        self.query_one("#head", Static).update(head)
        self.query_one(OverlayChart).runs = self.runs
        self.query_one("#words", Static).update(tables(self.runs))

    def _change(self, mode: ChartMode) -> None:
        self.query_one(OverlayChart).mode = mode
        self.query_one("#chart").border_subtitle = plain(mode.words())

    def action_axis(self) -> None:
        self._change(self.query_one(OverlayChart).mode.next_axis())

    def action_smooth(self) -> None:
        self._change(self.query_one(OverlayChart).mode.next_smoothing())

    def action_scale(self) -> None:
        self._change(self.query_one(OverlayChart).mode.next_scale())


def tables(runs: Sequence[Compared]) -> RenderableType:
    """Results, differing settings, and the statements on held-out rows."""
    words = side_by_side(runs)
    results = Table(box=None, padding=(0, 2), header_style=QUIET)
    for name in words.heads:
        results.add_column(name, overflow="fold")
    for place, (name, *cells) in enumerate(words.rows):
        shown = (Text(plain(cell) or glyphs().dash) for cell in cells)
        results.add_row(Text(name, f"bold {colour(place)}"), *shown)
    statements = [Text(plain(sentence), "bold") for sentence in words.sentences]
    return Group(*statements, Text(""), results, Text(""), _settings(words))


def _settings(words: SideBySide) -> RenderableType:
    if not words.settings:
        return Text("All settings are alike.", QUIET)
    table = Table(box=None, padding=(0, 2), header_style=QUIET)
    # Folded, not cut: two paths may differ at their ends alone.
    table.add_column("setting that differs", overflow="fold")
    for place, (name, *_) in enumerate(words.rows):
        table.add_column(Text(name, f"bold {colour(place)}"), overflow="fold")
    for setting, values in words.settings:
        table.add_row(setting, *(Text(plain(value)) for value in values))
    return table
