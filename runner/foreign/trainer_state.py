"""trainer_state.json: in each checkpoint of every Trainer, and in the output directory of some at the end."""

from __future__ import annotations

from pathlib import Path

from runner import safe_open
from runner.foreign.checkpoints import STATE, checkpoints, output_directory
from runner.foreign.logbook import Events
from runner.foreign.trace import Trace
from runner.foreign.values import number
from runner.store.jsonl import Record, loads

# A million logged steps.
MOST_BYTES = 1 << 28


def find(path: Path) -> TrainerState | None:
    """A trainer_state.json (other names too, if it looks like one), a checkpoint, or an output directory."""
    if path.is_dir():
        if (path / STATE).is_file() or checkpoints(path):
            return TrainerState(path)
        return None
    return TrainerState(path) if path.suffix == ".json" and _load(path) is not None else None


class TrainerState(Trace):
    """Follows an output directory from checkpoint to checkpoint: each holds the whole log so far."""

    kind = "Trainer state"
    is_of_trainer = True

    def __init__(self, path: Path) -> None:
        self._folder = output_directory(path if path.is_dir() else path.parent)
        super().__init__(path, self._folder.name)
        self._signature: tuple[object, ...] = ()
        self._count = 0
        self._last = ""

    def poll(self) -> Events:
        files = self._files()
        signature = tuple((file, *_signature(file)) for file in files)
        if signature == self._signature:
            return []
        self._signature = signature
        self.bad_lines = 0
        for file in files:
            if (state := _load(file)) is not None:
                self._take(state)
                break
            # A newer one that was cut short; the one before it says all but the last steps.
            self.bad_lines += 1
        return self.book.take()

    def sources(self) -> list[Path]:
        return self._files()

    def _files(self) -> list[Path]:
        """Where the state may be, newest first."""
        if not self.path.is_dir():
            return [self.path]
        saved = [folder / STATE for _, folder in reversed(checkpoints(self.path))]
        last = self.path / STATE
        return [last, *saved] if last.is_file() and not _is_older(last, saved) else saved

    def _take(self, state: Record) -> None:
        entries = [entry for entry in state["log_history"] if _is_entry(entry)]
        self.bad_lines += len(state["log_history"]) - len(entries)
        if self._count and (len(entries) < self._count or repr(entries[self._count - 1]) != self._last):
            self.book.reset()
            self._count = 0
        self.book.facts.take_state(state)
        for entry in entries[self._count :]:
            self.book.add(entry["step"], entry)
        self._count, self._last = len(entries), repr(entries[-1]) if entries else ""
        total, done = state.get("max_steps"), state.get("global_step")
        if isinstance(total, int) and isinstance(done, int) and done >= total > 0:
            self.book.is_complete = True
        if self.path.is_dir():
            self.book.add_checkpoints(checkpoints(self._folder))


def _is_entry(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("step"), int) and entry["step"] >= 0


def _load(path: Path) -> Record | None:
    """The state in a file; None for anything else. Python's json reads the bare NaN and Infinity in it."""
    try:
        state = loads(safe_open.read_bytes(path, MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    if isinstance(state, list) and any(_is_entry(entry) for entry in state):
        # A log_history that was saved by itself.
        return {"log_history": state}
    return state if isinstance(state, dict) and isinstance(state.get("log_history"), list) else None


def _signature(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _is_older(last: Path, saved: list[Path]) -> bool:
    """Whether the state of an ended run lies beside the newer checkpoints of its continuation."""
    ended, newest = _load(last), _load(saved[0]) if saved else None
    if ended is None or newest is None:
        return ended is None
    one, other = (number(state.get("global_step")) or 0.0 for state in (ended, newest))
    return one < other
