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
# A widget that is removed answers no more; the keys must not wait for it.
MOST_SECONDS = 0.25


class KeysInOrder(App[None]):
    """An app whose keys wait for one another."""

    def __init__(self) -> None:
        super().__init__()
        self._keys: deque[events.Key] = deque()
        self._under_way = 0
        self._handled = 0

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded:
            self._keys.append(event)
            if self._under_way == self._handled:
                await self._next_key()
        else:
            await super().on_event(event)

    async def _next_key(self) -> None:
        if not self._keys:
            return
        self._under_way += 1
        number = self._under_way
        target: DOMNode = self.focused or self.screen
        await super().on_event(self._keys.popleft())
        path = [node for node in target.ancestors_with_self if isinstance(node, MessagePump)]
        self._follow(number, path * ROUNDS)
        self.set_timer(MOST_SECONDS, lambda: self._done(number))

    def _follow(self, number: int, path: Sequence[MessagePump]) -> None:
        """Go the way of the key through the queues of the widgets it bubbles through."""
        if path:
            path[0].call_later(self._follow, number, path[1:])
        else:
            self._done(number)

    def _done(self, number: int) -> None:
        if number > self._handled:
            self._handled = number
            self.call_later(self._next_key)
