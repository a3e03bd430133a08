"""A trace is what a training run started elsewhere leaves behind; here is what all of them have in common."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import ClassVar

from runner.foreign.logbook import Events, Logbook
from runner.run.history import History

LOOKED_FOR = (
    "trainer_log.jsonl, events.out.tfevents.*, trainer_state.json, run-*.wandb, a log with {'loss': …} lines"
)


class TraceError(Exception):
    """There is nothing to read, or nothing to read it with; the message says what, where, and what to do."""


class Trace(ABC):
    """A foreign run as ftui's own events (runner/run/events.py), read as it grows.

    When `restarts` changed during a poll, what it returned is everything from the start: fold it into a new History.
    `bad_lines` counts what could not be read and was passed over. `is_busy` is true while more is there to be read at
    once, so that an empty poll does not mean the end of it.
    """

    kind: ClassVar[str]

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        self.bad_lines = 0
        self.book = Logbook(name)

    @property
    def restarts(self) -> int:
        return self.book.restarts

    @property
    def is_busy(self) -> bool:
        return False

    @abstractmethod
    def poll(self) -> Events:
        """Events new since the last poll, from a bounded part of the source. Torn and odd content raises nothing."""

    def close(self) -> None:  # noqa: B027 (most have nothing to end)
        """End whatever reads; needed once, when nobody polls any more."""


def read_trace(trace: Trace) -> History:
    """Everything a trace holds now.

    Two empty polls end it, because a step whose last values may be missing is held back for one.
    """
    history, quiet = History(), 0
    while quiet < 2 or trace.is_busy:
        restarts = trace.restarts
        events = trace.poll()
        if trace.restarts != restarts:
            history = History()
        for event in events:
            history.fold(event)
        quiet = 0 if events else quiet + 1
        if trace.is_busy and not events:
            time.sleep(0.01)
    return history


def open_trace(path: Path, *, follow: bool = True) -> Trace:
    """The trace at a file or in an output directory; the one that tells most when there are several.

    `follow` keeps a reader that is a program of its own waiting for more. Raises TraceError.
    """
    from runner.foreign import console, llama_factory, tensorboard, trainer_state, wandb

    path = path.expanduser().absolute()
    if not path.exists():
        raise TraceError(f"{path}: there is no such file or directory.\nGive an output directory or a log.")
    finders: tuple[Callable[[Path], Trace | None], ...] = (
        llama_factory.find,
        tensorboard.find,
        trainer_state.find,
        lambda place: wandb.find(place, follow),
        console.find,
    )
    missing: TraceError | None = None
    for find in finders:
        try:
            if (trace := find(path)) is not None:
                return trace
        except TraceError as error:
            # What it cannot read for want of a package another reader may know from another file.
            missing = missing or error
        except OSError as error:
            raise TraceError(f"{path}: {error.strerror or error}.") from None
    if missing is not None:
        raise missing
    what = "no trace of a training run in it" if path.is_dir() else "no trace of a training run"
    raise TraceError(f"{path}: {what}.\nLooked for {LOOKED_FOR}.")


def read_path(path: Path) -> tuple[Trace, History]:
    """The trace at a path and everything in it, closed again. Raises TraceError."""
    with closing(open_trace(path, follow=False)) as trace:
        return trace, read_trace(trace)
