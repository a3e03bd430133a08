"""Modules imported ahead of their use, in a thread of its own priority."""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Sequence

# The lowest priority, for what may never be needed. An ordinary user cannot raise one again: only this thread has it.
QUIET = 19
USUAL = 0
# Seconds for the import that is under way when all of it is wanted. Where the processor has no time for the lowest
# priority, starting anew is soon quicker; at the usual one it never is.
PATIENCE = {QUIET: 3.0, USUAL: 20.0}
MARGIN = 3.0


def answer_seconds(nice: int) -> float:
    """How long a process that imports ahead at this priority may take to answer."""
    return PATIENCE[nice] + MARGIN


class ImportsAhead(threading.Thread):
    """Imports modules in their order, and ends."""

    def __init__(self, names: Sequence[str], nice: int) -> None:
        super().__init__(name="imports", daemon=True)
        self._names, self._nice = names, nice
        self._is_enough = threading.Event()
        self._error: Exception | None = None

    def run(self) -> None:
        try:
            if self._nice != USUAL:
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), self._nice)
            for name in self._names:
                if self._is_enough.is_set():
                    return
                importlib.import_module(name)
        # Whatever a module raises when it is imported is told to the thread that waits.
        except Exception as error:
            self._error = error

    def stop(self) -> None:
        """Import no more of them: the thread that needs the others imports them, at its own priority. The one under
        way is waited for. Raises TimeoutError when that takes longer than it may, and what importing raised.
        """
        self._is_enough.set()
        self.join(PATIENCE[self._nice])
        if self.is_alive():
            raise TimeoutError("the import under way takes too long")
        if self._error is not None:
            raise self._error
