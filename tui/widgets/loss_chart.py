"""The loss chart as a widget."""

from __future__ import annotations

import time

from rich.text import Text
from textual.reactive import var

from tui.charts.plot import LABEL_WIDTH, Palette, columns, draw
from tui.charts.view import ChartMode, chart_of, newest_column, reading
from tui.colours import QUIET
from tui.glyphs import glyphs, plain
from tui.state import RunView
from tui.widgets.lines import Lines

LEAST_HEIGHT_FOR_KEY = 7
# Steps alone redraw it no more often than this: nobody sees the difference, and a line over SSH does.
PAUSE_SECONDS = 1.0


class LossChart(Lines):
    """Train loss raw and smoothed, evaluations, train-probe, the best checkpoint, epoch marks, findings."""

    view: var[RunView | None] = var(None)
    mode: var[ChartMode] = var(ChartMode())

    def __init__(self, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id)
        self._drawn_at = 0.0
        self._waiting = False

    def watch_view(self, old: RunView | None, view: RunView | None) -> None:
        if old is None or view is None or not _only_steps(old, view):
            self.draw()
            return
        left = self._drawn_at + PAUSE_SECONDS - time.monotonic()
        if left <= 0:
            self.draw()
        elif not self._waiting:
            self._waiting = True
            self.set_timer(left, self.draw)

    def watch_mode(self) -> None:
        self.draw()

    def on_resize(self) -> None:
        self.draw()
        super().on_resize()

    def draw(self) -> None:
        """Draw what is known now."""
        self._waiting = False
        self._drawn_at = time.monotonic()
        width, height = self.size
        if self.view is None or width < 1 or height < 1:
            self.show([])
            return
        with_key = height >= LEAST_HEIGHT_FOR_KEY
        chart = chart_of(self.view.curves, self.view.verdict, self.mode, width)
        rows = draw(chart, width, height - with_key)
        self.show([*([self._head(width)] if with_key else []), *rows])

    def _head(self, width: int) -> Text:
        assert self.view is not None
        if words := reading(self.view.curves, self.mode, width):
            text = Text(plain(words), "bold")
            text.truncate(width)
            return text
        return key(width, self.mode)

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


def key(width: int, mode: ChartMode) -> Text:
    """What the signs mean, as much of it as fits, and how the chart is seen."""
    marks, colours = glyphs(), Palette()
    parts = [
        (plain("─ train"), colours.smooth),
        (f"{marks.eval_point} eval", colours.val),
        (f"{marks.probe_point} train rows, same weights", colours.probe),
        (f"{marks.best_point} best", colours.best),
        (f"{marks.epoch_mark} epoch", colours.axis),
    ]
    words = plain(mode.words())
    text = Text(" " * LABEL_WIDTH)
    for part, style in parts:
        if text.cell_len + len(part) + 3 + len(words) <= width:
            text.append(part, style).append("   ")
    return text.append(words, f"bold {QUIET}")
