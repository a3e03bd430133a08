"""A log with nothing of a run in it yet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runner.foreign.logbook import Events
from runner.foreign.trace import Trace, TraceError
from runner.store.history import History


class WaitingTrace(Trace):
    """Waits until the file can be told for what it is, and is then read as that."""

    kind = "nothing written yet"

    def __init__(self, path: Path, find: Callable[[], Trace | None]) -> None:
        super().__init__(path, path.name)
        self._find = find
        self._found: Trace | None = None
        self._version: tuple[int, int] = (-1, -1)

    def poll(self) -> Events:
        if self._found is None and self._has_grown():
            try:
                self._found = self._find()
            except (TraceError, OSError):
                # Its first line may be half a line.
                self._found = None
            if self._found is not None:
                self._become(self._found)
        return self._found.poll() if self._found is not None else []

    def _become(self, found: Trace) -> None:
        found.follow = self.follow
        found.book.renames = self.book.renames
        self.book, self.name = found.book, found.name
        self.kind, self.others = found.kind, found.others

    def _has_grown(self) -> bool:
        try:
            status = self.path.stat()
        except OSError:
            return False
        version = (status.st_size, status.st_mtime_ns)
        is_new, self._version = version != self._version, version
        return is_new and status.st_size > 0

    @property
    def is_busy(self) -> bool:
        return self._found is not None and self._found.is_busy

    def finish(self) -> Events:
        return self._found.finish() if self._found is not None else []

    def silence(self, now: float, history: History) -> float | None:
        # One that is waited for is waited for.
        return self._found.silence(now, history) if self._found is not None else None

    def close(self) -> None:
        if self._found is not None:
            self._found.close()
