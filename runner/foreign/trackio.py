"""trackio's databases, one a project: SQLite, a row a log, its values as JSON. The newest run of a project is read."""

from __future__ import annotations

import math
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner import regular
from runner.foreign.logbook import Events
from runner.foreign.names import flat
from runner.foreign.trace import Trace
from runner.foreign.values import number
from runner.run.jsonl import parse_object

if TYPE_CHECKING:
    import sqlite3

MAGIC = b"SQLite format 3\0"
MOST_ROWS = 4096
# So long a writer is waited for; then it is asked again.
BUSY_SECONDS = 0.2


def find(path: Path) -> TrackioRun | None:
    """A database, or the newest in a folder."""
    files = (
        [path] if path.is_file() else sorted(path.glob("*.db"), key=lambda f: f.stat().st_mtime, reverse=True)
    )
    for file in files:
        if file.suffix in (".db", ".sqlite", ".sqlite3") and (runs := _runs(file)):
            return TrackioRun(file, runs)
    return None


class TrackioRun(Trace):
    """Follows a run of a database."""

    kind = "trackio"

    def __init__(self, path: Path, runs: list[str]) -> None:
        super().__init__(path, runs[0])
        self.others = tuple(f"{name} in {path.name}" for name in runs[1:])
        self._last = 0
        self._is_busy = False
        self._is_of_trainer = False

    @property
    def is_busy(self) -> bool:
        return self._is_busy

    def poll(self) -> Events:
        rows = _ask(
            self.path,
            "SELECT id, step, timestamp, metrics FROM metrics WHERE run_name = ? AND id > ? ORDER BY id LIMIT ?",
            (self.name, self._last, MOST_ROWS),
        )
        self._is_busy = len(rows) == MOST_ROWS
        for identity, step, written, text in rows:
            self._last = identity
            self._take(step, written, text)
        return self.book.take(is_settled=not rows)

    def _take(self, step: object, written: object, text: object) -> None:
        record = parse_object(
            text.encode() if isinstance(text, str) else bytes(text) if isinstance(text, bytes) else b""
        )
        if record is None:
            self.bad_lines += 1
            return
        # The Trainer's own step; trackio's counts calls of log(), train and eval ones alike.
        named = number(record.get("train/global_step"))
        if named is not None and not self._is_of_trainer:
            self._is_of_trainer = True
            self.book.facts.assume_hidden()
        place = named if named is not None else None if self._is_of_trainer else number(step)
        if place is not None and 0 <= place < 1e15:
            self.book.add(int(place), {flat(key): value for key, value in record.items()}, _seconds(written))


def _runs(path: Path) -> list[str]:
    """The names of the runs in a database, newest first; none when it is not trackio's."""
    try:
        with regular.open_binary(path) as stream:
            if stream.read(len(MAGIC)) != MAGIC:
                return []
    except OSError:
        return []
    rows = _ask(path, "SELECT run_name FROM metrics GROUP BY run_name ORDER BY MAX(id) DESC LIMIT 1000", ())
    return [str(name) for (name,) in rows]


def _ask(path: Path, question: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """The rows of an answer; none while the database cannot be read."""
    import sqlite3

    try:
        with closing(
            sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)
        ) as connection:
            return list(_plain(connection).execute(question, values))
    except sqlite3.Error:
        return []


def _plain(connection: sqlite3.Connection) -> sqlite3.Connection:
    # What is no UTF-8 in a foreign file must not raise.
    connection.text_factory = lambda data: data.decode("utf-8", errors="replace")
    return connection


def _seconds(text: object) -> float:
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except (ValueError, OverflowError, OSError):
        return math.nan
