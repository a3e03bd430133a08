"""The pure drawing of the screen: run panel, run list, evidence, answers, log, comparison."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.text import Text

from runner.report.comparison import Compared
from tui.charts.overlay import overlay
from tui.charts.plot import columns, draw
from tui.charts.view import ChartMode, chart_of, newest_column, reading
from tui.models.run_view import RunRow, RunView
from tui.notifications import news, notification
from tui.screens.compare import tables
from tui.screens.evidence import EvidenceScreen, _line
from tui.screens.samples import answer
from tui.screens.shown_runs import guest_row
from tui.widgets import metrics, run_list, run_panel, verdict_box
from tui.widgets.lines import strip_of

_CONSOLE = Console(width=80, file=io.StringIO(), color_system="truecolor", force_terminal=True)
# Colours, as click sets them, and the ends of lines are all that goes to a terminal beside text.
_SENT = re.compile(r"\x1b\[[0-9;]*m|[\n\r]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def unsafe(text: str) -> str:
    """What of a text may not go to a terminal, or cannot be written as UTF-8."""
    return "".join(_CONTROL.findall(_SENT.sub("", text)))


@dataclass(frozen=True)
class Sight:
    """How a user looks: the size of the place, how the chart is seen, and which finding and answer are chosen."""

    width: int = 100
    height: int = 24
    mode: ChartMode = field(default_factory=ChartMode)
    chosen: int = 0

    def draw(self, view: RunView) -> None:
        """Everything of a view, as lines of text that a terminal can show."""
        width = self.width
        lines = [run_panel.title(view), *run_panel.header(view, width)]
        lines += metrics.metric_lines(metrics.figures(view), width)
        lines += draw(chart_of(view.curves, view.verdict, self.mode, width), width, self.height)
        lines.append(Text(reading(view.curves, self.mode, width)))
        newest_column(view.curves, self.mode, columns(width))
        show(lines, width)
        parts: list[RenderableType] = [verdict_box.words(view.verdict), Text("\n".join(view.console))]
        if found := view.verdict.findings:
            parts += [*map(_line, found), EvidenceScreen(view)._detail(found[self.chosen % len(found)])]
        if view.samples:
            parts += answer(view.samples[self.chosen % len(view.samples)])
        print_all(parts)
        self.draw_row(guest_row(view))

    def draw_row(self, row: RunRow) -> None:
        """A run in the list, beside others."""
        whole = RunRow("20261124-080000-demo-0002", "demo", step=5, total_steps=9, best_loss=1.0)
        for order in run_list.Order:
            run_list.Selection("e", order).of([row, whole])
        show([run_list.run_line(row, self.width, marked=True)], self.width)
        for occasion in news({row.id: whole}, [row]):
            notification(occasion[1], occasion[2], in_tmux=True)

    def compare(self, runs: Sequence[Compared]) -> None:
        """Runs side by side."""
        show(
            draw(overlay([run.curves for run in runs], self.mode, self.width), self.width, self.height),
            self.width,
        )
        print_all([tables(runs)])


def show(lines: Sequence[Text], width: int) -> None:
    """Put lines into strips, as the screen does, and see what would be sent."""
    for line in lines:
        assert not unsafe(line.plain), line.plain
        strip_of(line, width)


def print_all(parts: Sequence[RenderableType]) -> None:
    """Render what the screen gives to a Static, and see what would be sent."""
    lines = _CONSOLE.render_lines(Group(*parts))
    said = "".join(segment.text for line in lines for segment in line)
    assert not unsafe(said), said
