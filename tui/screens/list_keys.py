"""The keys that change what is listed and shown, and in which order."""

from __future__ import annotations

from dataclasses import replace

from textual.widgets import Input

from tui.screens.chart_keys import ChartKeys
from tui.widgets.run_list import RunList


class ListKeys(ChartKeys):
    """For a screen with a RunList and a line #filter."""

    def action_mark(self) -> None:
        self.query_one(RunList).mark()

    def action_filter(self) -> None:
        words = self.query_one("#filter", Input)
        words.display = True
        words.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        runs = self.query_one(RunList)
        runs.selection = replace(runs.selection, words=event.value)

    def on_input_submitted(self) -> None:
        words = self.query_one("#filter", Input)
        words.display = bool(words.value)
        self.query_one(RunList).focus()

    def action_order(self) -> None:
        self.query_one(RunList).next_order()

    def action_toggle_log(self) -> None:
        self.toggle_class("-log")
