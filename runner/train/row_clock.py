"""Ends a process whose chat template or tokenizer does not come back from a row: a loop in a template, or a pattern of
a tokenizer that takes for ever on some text. Neither can be stopped from within, so the process says which and ends.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

MOST_SECONDS = 30.0
LOOK_SECONDS = 1.0


class RowClock:
    """Watches how long each row takes. `tell` is called with what to say of one that does not come back, and then the
    process ends.
    """

    def __init__(self, tell: Callable[[str, str], None], most: float = MOST_SECONDS) -> None:
        self._tell, self._most = tell, most
        self._row: int | None = None
        self._began = 0.0
        self._thread: threading.Thread | None = None

    def begin(self, row: int) -> None:
        """The row is being looked at from now on, until `end`."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="rows", daemon=True)
            self._thread.start()
        self._began, self._row = time.monotonic(), row

    def end(self) -> None:
        """It came back."""
        self._row = None

    def _watch(self) -> None:
        while True:
            time.sleep(min(LOOK_SECONDS, self._most / 4))
            row, began = self._row, self._began
            if row is None or time.monotonic() - began < self._most or row != self._row:
                continue
            self._tell(
                f"Row {row} has kept the chat template or the tokenizer busy for {self._most:.0f} seconds.",
                f"Look at that row: is it very long? data.skip_rows: [{row}] leaves it out.",
            )
            os._exit(1)
