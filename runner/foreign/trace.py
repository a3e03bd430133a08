"""A trace is what a training run started elsewhere leaves behind; here is what all of them have in common."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections import deque
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import ClassVar

from runner.foreign.logbook import Events, Logbook
from runner.store.history import History

# A trace that was not written to for this long, and for as many of its usual intervals, does not grow any more.
SILENT_SECONDS = 600.0
SILENT_INTERVALS = 20
# Where nothing is known of its intervals.
SILENT_UNKNOWN_SECONDS = 3600.0


class TraceError(Exception):
    """There is nothing to read, or nothing to read it with; the message says what, where, and what to do."""


class Trace(ABC):
    """A foreign run as ftui's own events (runner/store/events.py), read as it grows.

    When `restarts` changed during a poll, what it returned is everything from the start: fold it into a new History.
    `bad_lines` counts what could not be read and was passed over. `is_busy` is true while more is there to be read at
    once, so that an empty poll does not mean the end of it. `others` are runs in the same place that are not read.
    `follow` is false when it is read once, to its present end.
    """

    kind: str
    # Written by a stock Trainer or something built on it.
    is_of_trainer: ClassVar[bool] = False

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        self.bad_lines = 0
        self.others: tuple[str, ...] = ()
        self.follow = True
        self.book = Logbook(name, nan_hidden=self.is_of_trainer)
        self._written: deque[float] = deque(maxlen=32)

    @property
    def restarts(self) -> int:
        return self.book.restarts

    @property
    def is_busy(self) -> bool:
        return False

    @abstractmethod
    def poll(self) -> Events:
        """Events new since the last poll, from a bounded part of the source. Torn and odd content raises nothing."""

    def finish(self) -> Events:
        """What was held back because more might follow; for a source of which all was read and that is left."""
        return self.book.take()

    def close(self) -> None:  # noqa: B027 (most have nothing to end)
        """End whatever reads; needed once, after the last poll."""

    def sources(self) -> list[Path]:
        """The files it is read from."""
        return [self.path]

    def written_at(self) -> float | None:
        """When one of its files was written last, in seconds since the epoch."""
        times = []
        for path in self.sources():
            try:
                times.append(path.stat().st_mtime)
            except OSError:
                continue
        return max(times, default=None)

    def silence(self, now: float, history: History) -> float | None:
        """Seconds since it was written to, when that is much longer than it usually takes and it has not said that it
        is over: then it does not grow any more. None while it may.
        """
        written = self.written_at()
        if written is None or history.phase.is_over:
            return None
        if not self._written or written != self._written[-1]:
            self._written.append(written)
        usual = max(_usual(list(self._written)), _usual(history.train.time[-32:].tolist()))
        limit = max(SILENT_SECONDS, SILENT_INTERVALS * usual) if usual else SILENT_UNKNOWN_SECONDS
        return now - written if now - written > limit else None


def _usual(times: list[float]) -> float:
    """The median time between them; 0 when there is none."""
    gaps = [b - a for a, b in pairwise(times) if math.isfinite(b - a) and b > a]
    return median(gaps) if gaps else 0.0


def read_trace(trace: Trace) -> History:
    """Everything a trace holds now.

    Two empty polls end it, because a step whose last values may be missing is held back for one.
    """
    history, quiet = History(), 0
    while quiet < 2 or trace.is_busy:
        restarts = trace.restarts
        events = trace.poll()
        history = _folded(history, events, trace.restarts != restarts)
        quiet = 0 if events else quiet + 1
        if trace.is_busy and not events:
            time.sleep(0.01)
    restarts = trace.restarts
    events = trace.finish()
    return _folded(history, events, trace.restarts != restarts)


def _folded(history: History, events: Events, is_new: bool) -> History:
    history = History() if is_new else history
    for event in events:
        history.fold(event)
    return history
