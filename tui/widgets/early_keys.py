"""Keys that come before they can mean anything: while a file is looked at, a folder is read."""

from __future__ import annotations

from typing import Any

from textual import events
from textual.app import App

from tui.patches.keys_in_order import KeysInOrder


class EarlyKeys:
    """Holds keys, and presses them when what they are for is there: on a slow line they come in bunches."""

    def __init__(self) -> None:
        self._held: list[events.Key] = []

    def hold(self, event: events.Key) -> None:
        """Keep a key from being handled now. One that leads away is not to be held."""
        event.stop()
        event.prevent_default()
        self._held.append(event)

    def press(self, app: App[Any]) -> None:
        """Press them, before any that came later."""
        held, self._held = self._held, []
        if held and isinstance(app, KeysInOrder):
            app.press_first(held)
