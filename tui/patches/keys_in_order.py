"""Keys are handled one after the other, also when several arrive at once.

Textual sends a key to the focused widget and looks for its binding when it has bubbled back to the app. On a slow
line keys come in bunches: a backspace, which is a binding, is then overtaken by the digit behind it, which is not; and
what is typed behind an enter that opens a field still goes to the list. So the next key waits until this one has gone
all the way, and what it set off with it.

https://github.com/Textualize/textual/issues/6605 is the first of the two. Pull request 6631 would mend it for the
bindings of an Input and a TextArea themselves; as it says, keys bound further up can still be overtaken.
tests/tui/test_patches.py tells when Textual keeps the order, or has changed what this rests on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.message_pump import MessagePump

# A key may post a message (an option was selected) whose handler posts another (the field is to be edited).
ROUNDS = 3
# A widget that was removed answers no more: how often the one waited for is looked at.
LOOK_SECONDS = 0.25
# A handler that itself waits for a key would hold the next one for good. A machine under load takes seconds for one.
MOST_SECONDS = 10.0


class KeysInOrder(App[None]):
    """An app whose keys wait for one another."""

    def __init__(self) -> None:
        super().__init__()
        self._keys: deque[events.Key] = deque()
        self._under_way = 0
        self._handled = 0
        self._left: Sequence[MessagePump] = ()

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded:
            self._keys.append(event)
            await self._next_key()
        else:
            await super().on_event(event)

    def press_first(self, keys: Sequence[events.Key]) -> None:
        """Handle keys again that came too early to mean anything, before those that have come since."""
        # As coming from the terminal: a key bubbles no further than to the widget that sent it.
        again = [events.Key(key.key, key.character).set_sender(self) for key in keys]
        self._keys.extendleft(reversed(again))
        self.call_later(self._next_key)

    async def _next_key(self) -> None:
        if not self._keys or self._under_way != self._handled:
            return
        self._under_way += 1
        number = self._under_way
        target: DOMNode = self.focused or self.screen
        await super().on_event(self._keys.popleft())
        path = [node for node in target.ancestors_with_self if isinstance(node, MessagePump)]
        self._follow(number, path * ROUNDS)
        self._look_in(number, MOST_SECONDS)

    def _follow(self, number: int, path: Sequence[MessagePump]) -> None:
        """Go the way of the key through the queues of the widgets it bubbles through."""
        if number == self._handled:
            return
        while path:
            self._left, following = path, path[1:]
            if path[0].call_later(self._follow, number, following):
                return
            path = following
        self._done(number)

    def _look_in(self, number: int, seconds: float) -> None:
        """Later, go round a widget that was removed with the key in its queue; give the key up after `seconds`."""

        def look() -> None:
            if number == self._handled:
                return
            if seconds <= LOOK_SECONDS:
                self._done(number)
                return
            if not self._left[0].is_running:
                self._follow(number, self._left[1:])
            self._look_in(number, seconds - LOOK_SECONDS)

        self.set_timer(LOOK_SECONDS, look)

    def _done(self, number: int) -> None:
        if number > self._handled:
            self._handled = number
            self.call_later(self._next_key)
