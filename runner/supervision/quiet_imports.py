"""Modules imported ahead of their use, in a thread that takes only what processor time others leave."""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Sequence

# The lowest priority; and for good, because an ordinary user cannot raise one again. So only this thread has it.
NICE = 19


class QuietImports(threading.Thread):
    """Imports modules in their order, and ends."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(name="imports", daemon=True)
        self._names = names
        self._is_wanted = threading.Event()
        self._error: Exception | None = None

    def run(self) -> None:
        try:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
            for name in self._names:
                if self._is_wanted.is_set():
                    return
                importlib.import_module(name)
        # Whatever a module raises when it is imported is told to the thread that waits.
        except Exception as error:
            self._error = error

    def finish(self, seconds: float) -> None:
        """Have all of them imported: the one under way is waited for, the others are imported by the calling thread at
        its own priority. Raises TimeoutError when that one takes longer, and what importing raises.
        """
        self._is_wanted.set()
        self.join(seconds)
        if self.is_alive():
            raise TimeoutError("an import takes too long")
        if self._error is not None:
            raise self._error
        for name in self._names:
            importlib.import_module(name)
