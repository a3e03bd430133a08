"""The keys that change what is listed and shown, and in which order."""

from __future__ import annotations

from dataclasses import replace

from textual.reactive import var
from textual.widgets import Input

from tui.models.run_view import RunView, is_foreign
from tui.screens.chart_keys import ChartKeys
from tui.widgets.run_list import RunList

# They change something, and what other trainers left is only read.
OF_OWN_RUNS = {"stop", "resume"}


class ListKeys(ChartKeys):
    """For a screen with a RunList, a `view` and a line #filter."""

    view: var[RunView | None] = var(None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in OF_OWN_RUNS and is_foreign(self.view):
            return False
        return super().check_action(action, parameters)

    def watch_view(self, before: RunView | None, view: RunView | None) -> None:
        if is_foreign(before) is not is_foreign(view):
            self.refresh_bindings()

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
