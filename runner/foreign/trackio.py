"""trackio's databases, one a project: SQLite, a row a log, its values as JSON. The newest run of a project is read."""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner import safe_open
from runner.foreign.logbook import Events
from runner.foreign.names import flat
from runner.foreign.trace import Trace
from runner.foreign.values import number
from runner.store.jsonl import parse_object

if TYPE_CHECKING:
    import sqlite3

MAGIC = b"SQLite format 3\0"
MOST_ROWS = 4096
# So long a writer is waited for; then it is asked again.
BUSY_SECONDS = 0.2


@dataclass(frozen=True)
class _Run:
    """How a run is told from others: the column, its value in it, and its name."""

    column: str
    identity: str
    name: str


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

    def __init__(self, path: Path, runs: list[_Run]) -> None:
        super().__init__(path, runs[0].name)
        self.others = tuple(f"{run.name} in {path.name}" for run in runs[1:])
        self._run = runs[0]
        self._last = 0
        self._is_busy = False
        self._is_of_trainer = False
        self._take_config()

    @property
    def is_busy(self) -> bool:
        return self._is_busy

    def poll(self) -> Events:
        rows = _ask(
            self.path,
            f"SELECT id, step, timestamp, metrics FROM metrics WHERE {self._run.column} = ? AND id > ? "
            "ORDER BY id LIMIT ?",
            (self._run.identity, self._last, MOST_ROWS),
        )
        self._is_busy = len(rows) == MOST_ROWS
        for identity, step, written, text in rows:
            self._last = identity
            self._take(step, written, text)
        return self.book.take(is_settled=not rows)

    def _take_config(self) -> None:
        """What the run was started with; a Trainer's arguments among it."""
        rows = _ask(
            self.path,
            f"SELECT config FROM configs WHERE {self._run.column} = ? LIMIT 1",
            (self._run.identity,),
        )
        for (text,) in rows:
            self.book.facts.take_json(text if isinstance(text, bytes) else str(text))

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


def _runs(path: Path) -> list[_Run]:
    """The runs in a database, newest first; none when it is not trackio's."""
    try:
        with safe_open.open_binary(path) as stream:
            if stream.read(len(MAGIC)) != MAGIC:
                return []
    except OSError:
        return []
    columns = {str(row[1]) for row in _ask(path, "PRAGMA table_info(metrics)", ())}
    if not columns >= {"id", "run_name", "step", "timestamp", "metrics"}:
        return []
    # Newer versions give runs an id, and names may come twice.
    column = "run_id" if "run_id" in columns else "run_name"
    question = (
        f"SELECT {column}, MAX(run_name) FROM metrics GROUP BY {column} ORDER BY MAX(id) DESC LIMIT 1000"
    )
    return [_Run(column, str(identity), str(name)) for identity, name in _ask(path, question, ())]


def _ask(path: Path, question: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """The rows of an answer; none while the database cannot be read."""
    import sqlite3

    # Without the right to write beside it, a database that is open elsewhere can only be read as it lies there.
    for way in ("mode=ro", "mode=ro&immutable=1"):
        try:
            address = f"{path.as_uri()}?{way}"
            with closing(sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS)) as connection:
                return list(_plain(connection).execute(question, values))
        except sqlite3.Error:
            continue
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
