"""The keys that change how the chart of a run is seen."""

from __future__ import annotations

from dataclasses import replace

from textual.binding import Binding
from textual.screen import Screen

from tui.charts.view import ChartMode
from tui.widgets.loss_chart import LossChart

CHART_BINDINGS = [
    Binding(
        "x", "axis", "x axis", show=False, tooltip="Chart by step, epoch, tokens or time", id="chart.axis"
    ),
    Binding(
        "y",
        "scale",
        "y scale",
        show=False,
        tooltip="Scale of the loss: as it fits, linear or logarithmic",
        id="chart.scale",
    ),
    Binding(
        "m",
        "smooth",
        "Smoothing",
        show=False,
        tooltip="Smooth the train loss, more, or not",
        id="chart.smooth",
    ),
    Binding(
        "z",
        "part",
        "Last part",
        show=False,
        tooltip="The last half, fifth, twentieth, or all",
        id="chart.part",
    ),
    Binding(
        "left_square_bracket", "cursor(-1)", "Read", show=False, tooltip="Read values: a cursor to the left"
    ),
    Binding("right_square_bracket", "cursor(1)", "Read", show=False, tooltip="The cursor to the right"),
    Binding("left_curly_bracket", "cursor(-16)", "Read", show=False, tooltip="The cursor far to the left"),
    Binding("right_curly_bracket", "cursor(16)", "Read", show=False, tooltip="The cursor far to the right"),
]


class ChartKeys(Screen[None]):
    """Actions for CHART_BINDINGS."""

    def _change(self, mode: ChartMode) -> None:
        self.query_one(LossChart).mode = mode

    @property
    def _mode(self) -> ChartMode:
        return self.query_one(LossChart).mode

    def action_axis(self) -> None:
        self._change(self._mode.next_axis())

    def action_scale(self) -> None:
        self._change(self._mode.next_scale())

    def action_smooth(self) -> None:
        self._change(self._mode.next_smoothing())

    def action_part(self) -> None:
        self._change(self._mode.next_zoom())

    def action_cursor(self, by: int) -> None:
        self.query_one(LossChart).move_cursor(by)

    def hide_cursor(self) -> bool:
        """Take the cursor away; False when there was none."""
        if self._mode.cursor is None:
            return False
        self._change(replace(self._mode, cursor=None))
        return True
