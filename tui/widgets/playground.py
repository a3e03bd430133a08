"""Show one widget alone, for looking at it while working on it."""

from __future__ import annotations

from typing import Any

from textual.app import App, ComposeResult
from textual.widget import Widget


def show(widget: Widget, **values: Any) -> None:
    """Run an app with nothing but this widget, its reactives set to `values`; q leaves."""

    class Playground(App[None]):
        BINDINGS = [("q", "quit", "Quit")]

        def compose(self) -> ComposeResult:
            yield widget

        def on_mount(self) -> None:
            for name, value in values.items():
                setattr(widget, name, value)

    Playground().run()
