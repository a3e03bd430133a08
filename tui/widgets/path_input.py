"""A line for a path: tab completes it, and keys that are typed meanwhile are not lost."""

from __future__ import annotations

from typing import Any

from textual import events
from textual.binding import Binding
from textual.message import Message
from textual.widgets import Input

from tui.widgets.early_keys import EarlyKeys


class PathInput(Input):
    """Asks for the rest of a path, because folders are read elsewhere; `take` is told the answer. Where `completes` is
    off, tab goes on to the next widget as everywhere.
    """

    BINDINGS = [Binding("tab", "complete", "Complete", show=False)]

    completes = True

    class Asked(Message):
        """The path is to be completed."""

        def __init__(self, text: str) -> None:
            self.text = text
            super().__init__()

    # The text whose answer is waited for.
    _asked: str | None = None

    def __init__(self, value: str = "", **options: Any) -> None:
        super().__init__(value, **options)
        self._early = EarlyKeys()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.completes if action == "complete" else super().check_action(action, parameters)

    def action_complete(self) -> None:
        self._asked = self.value
        self.post_message(self.Asked(self.value))

    def wait(self, key: events.Key) -> None:
        """Press this key, and those after it, when the answer for the text of now has come."""
        self._asked = self.value
        self._early.hold(key)

    def on_key(self, event: events.Key) -> None:
        if self._asked is not None and event.key != "escape":
            self._early.hold(event)

    def take(self, asked: str, completed: str) -> bool:
        """Put what a text was completed to in its place; whether that was waited for."""
        if asked != self._asked:
            return False
        self._asked = None
        if completed != self.value:
            self.value = completed
            self.action_end()
        self._early.press(self.app)
        return True

    def forget(self) -> None:
        """Begin anew: no answer is waited for."""
        self._asked, self._early = None, EarlyKeys()
