"""The loss chart as a widget."""

from __future__ import annotations

import math

from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from runner.insight.curves import Curves
from tui.glyphs import glyphs, plain
from tui.state import RunView
from tui.widgets.plot import Chart, Palette, draw

LEAST_HEIGHT_FOR_KEY = 7


class LossChart(Widget):
    """Train loss raw and smoothed, evaluations, train-probe, the best checkpoint, epoch marks."""

    view: reactive[RunView | None] = reactive(None)

    def render(self) -> Text:
        width, height = self.size
        if self.view is None or width < 1 or height < 1:
            return Text("")
        with_key = height >= LEAST_HEIGHT_FOR_KEY
        rows = draw(chart_of(self.view), width, height - with_key)
        return Text("\n").join([*([key(width)] if with_key else []), *rows])


def chart_of(view: RunView) -> Chart:
    """What to draw of a run."""
    curves = view.curves
    return Chart(view.buckets, curves.val, curves.probe, best_step(curves), curves.steps_per_epoch)


def best_step(curves: Curves) -> int | None:
    """The step of the lowest held-out loss."""
    finite = [point for point in curves.val if math.isfinite(point.loss)]
    return min(finite, key=lambda point: point.loss).step if finite else None


def key(width: int) -> Text:
    """What the signs mean, as much of it as fits."""
    marks, colours = glyphs(), Palette()
    parts = [
        (plain("─ train"), colours.smooth),
        (f"{marks.eval_point} eval", colours.val),
        (f"{marks.probe_point} train rows, same weights", colours.probe),
        (f"{marks.best_point} best", colours.best),
        (f"{marks.epoch_mark} epoch", colours.axis),
    ]
    text = Text("       ")
    for words, style in parts:
        if text.cell_len + len(words) + 3 <= width:
            text.append(words, style).append("   ")
    return text
