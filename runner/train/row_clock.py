"""Ends a process whose chat template or tokenizer does not come back from a row: a loop in a template, or a pattern of
a tokenizer that takes for ever on some text. Neither can be stopped from within, so the process says which and ends.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

MOST_SECONDS = 30.0
LOOK_SECONDS = 1.0
# What one row may add to the memory of the process between two looks and after.
MOST_GROWN_BYTES = 4 << 30
# After so long the kernel ends what lets no other thread run: a number with a million million digits, say.
ALARM_SECONDS = 10.0
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class RowClock:
    """Watches how long each row takes. `tell` is called with what to say of one that does not come back, and then the
    process ends; one that lets no thread run is ended by SIGALRM without a word. `template` is what the chat template
    is called.
    """

    def __init__(
        self, tell: Callable[[str, str], None], most: float = MOST_SECONDS, template: str = ""
    ) -> None:
        self._tell, self._most, self._template = tell, most, template
        self._row: int | None = None
        self._began = 0.0
        self._thread: threading.Thread | None = None

    def begin(self, row: int) -> None:
        """The row is being looked at from now on, until `end`; 0 for a prompt, which is no row of the data."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="rows", daemon=True)
            self._thread.start()
        signal.setitimer(signal.ITIMER_REAL, self._most + ALARM_SECONDS)
        self._began, self._row = time.monotonic(), row

    def end(self) -> None:
        """It came back."""
        self._row = None
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _watch(self) -> None:
        seen, rss = 0.0, 0
        while True:
            time.sleep(min(LOOK_SECONDS, self._most / 4))
            row, began = self._row, self._began
            if row is None:
                continue
            if began != seen:
                seen, rss = began, _rss_bytes()
            problem = ""
            if time.monotonic() - began >= self._most:
                problem = f"busy for {self._most:.0f} seconds"
            elif _rss_bytes() - rss > MOST_GROWN_BYTES:
                problem = f"busy until it took {MOST_GROWN_BYTES >> 30} GiB more memory"
            if problem and began == self._began and self._row is not None:
                self._end(row, problem)

    def _end(self, row: int, problem: str) -> None:
        what = f"Row {row}" if row else "A prompt"
        leave = f" data.skip_rows: [{row}] leaves it out." if row else ""
        loops = f" Or does {self._template} loop?" if self._template else ""
        self._tell(
            f"{what} has kept the chat template or the tokenizer {problem}.",
            f"Look at it: is it very long?{leave}{loops}",
        )
        os._exit(1)


def _rss_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * PAGE_BYTES
    except (OSError, ValueError, IndexError):
        return 0
