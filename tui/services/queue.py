"""Watches the queue while it is on the screen."""

from __future__ import annotations

from pathlib import Path

from tui.messages import QueueRead
from tui.models.queue_view import QueueView, read_queue
from tui.services.service import Post, Service


class QueueService(Service):
    """Posts QueueRead whenever the queue changes."""

    seconds = 0.5

    def __init__(self, post: Post, home: Path) -> None:
        super().__init__(post)
        self._home = home
        self._posted: QueueView | None = None

    def look(self) -> None:
        queue = read_queue(self._home)
        if queue != self._posted:
            self._posted = queue
            self.post(QueueRead(queue))
