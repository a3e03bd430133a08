"""The loss chart as a widget."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.reactive import var

from runner.insight.drawn import Drawn, drawn
from tui.charts import legend
from tui.charts.plot import columns, draw
from tui.charts.view import ChartMode, chart_of, newest_column, reading
from tui.colours import QUIET
from tui.glyphs import plain
from tui.models.run_view import RunView
from tui.widgets.lines import Drawing

LEAST_HEIGHT_FOR_KEY = 7


class LossChart(Drawing):
    """Train loss raw and smoothed, held-out losses, the loss on training rows, the best checkpoint, epoch marks,
    findings; of a run that is judged by a reward, that.
    """

    view: var[RunView | None] = var(None)
    mode: var[ChartMode] = var(ChartMode())

    def watch_view(self, old: RunView | None, view: RunView | None) -> None:
        if old is not None and view is not None and _only_steps(old, view):
            self.draw_soon()
        else:
            self.draw()

    def watch_mode(self) -> None:
        self.draw()

    def lines(self, width: int, height: int) -> Sequence[Text]:
        if self.view is None or width < 1 or height < 1:
            return []
        with_key = height >= LEAST_HEIGHT_FOR_KEY
        chart = chart_of(self.view.curves, self.view.verdict, self.mode, width)
        return [*([self._head(width)] if with_key else []), *draw(chart, width, height - with_key)]

    def _head(self, width: int) -> Text:
        assert self.view is not None
        if words := reading(self.view.curves, self.mode, width):
            text = Text(plain(words), "bold")
            text.truncate(width)
            return text
        return key(width, self.mode, drawn(self.view.curves))

    def move_cursor(self, by: int) -> None:
        """Read the values further along."""
        if self.view is not None:
            dots = columns(self.size.width)
            self.mode = self.mode.moved(by, dots, newest_column(self.view.curves, self.mode, dots))


def _only_steps(old: RunView, new: RunView) -> bool:
    """Whether nothing but steps was added."""
    return (
        old.id == new.id
        and old.phase == new.phase
        and _said(old) == _said(new)
        and {k: len(v) for k, v in old.curves.evals.items()}
        == {k: len(v) for k, v in new.curves.evals.items()}
    )


def _said(view: RunView) -> list[tuple[str, int, int]]:
    return [(f.id, int(f.severity), f.since_step) for f in view.verdict.findings]


def key(width: int, mode: ChartMode, what: Drawn) -> Text:
    """What the signs mean, as much of it as fits, and how the chart is seen."""
    words = plain(mode.words())
    return legend.line(legend.parts_of(what), width - len(words)).append(words, f"bold {QUIET}")
