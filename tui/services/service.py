"""A thread that looks at something again and again and posts what it sees."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from textual.message import Message

from tui.messages import ActionFailed
from tui.models import limits

log = logging.getLogger(__name__)

Post = Callable[[Message], object]


def start_thread(work: Callable[[], object], post: Post, title: str) -> None:
    """Do some work in a thread of its own; posts ActionFailed with this title where none can be started."""
    try:
        threading.Thread(target=work, name=title, daemon=True).start()
    except RuntimeError:
        post(ActionFailed(title, limits.NO_THREADS))


class Service(threading.Thread):
    """Calls `look` every `seconds`, at once after `nudge`, until `stop`. An error in `look` is logged, never fatal."""

    seconds = 1.0

    def __init__(self, post: Post) -> None:
        super().__init__(name=type(self).__name__, daemon=True)
        self.post = post
        self._wake = threading.Event()
        self._stopping = False

    def look(self) -> None:
        """Look once and post what is new."""
        raise NotImplementedError

    def start(self) -> None:
        """Begin to look; posts ActionFailed where no thread can be started."""
        try:
            super().start()
        except RuntimeError as error:
            if not limits.is_no_thread(error):
                raise
            self.post(ActionFailed(self.name, limits.NO_THREADS))

    def start_once(self) -> None:
        """Start, unless it was started."""
        if self.ident is None:
            self.start()

    def nudge(self) -> None:
        """Look again now."""
        self._wake.set()

    def stop(self) -> None:
        """End after the current look."""
        self._stopping = True
        self._wake.set()

    def run(self) -> None:
        while not self._stopping:
            try:
                self.look()
            except Exception:
                log.exception("%s failed and goes on", self.name)
            self._wake.wait(self.seconds)
            self._wake.clear()
