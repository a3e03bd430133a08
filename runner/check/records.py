"""What earlier runs and probes on this machine really used: memory.json of each run directory."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from runner.insight.memory.calibration import MemoryRecord
from runner.store.directory import read_json, runs_folder

RECORD = "memory.json"
PROBES = "probes"
# Runs before these say little about the versions of today, and reading thousands of files takes a second.
MOST_RUNS = 200

_lock = threading.Lock()
_read: dict[str, MemoryRecord | None] = {}


def memory_records(home: Path) -> list[MemoryRecord]:
    """The records of the newest runs and probes, newest first. A record that was read is kept: it is written once."""
    names: list[tuple[str, Path]] = []
    for folder in (runs_folder(home), home / PROBES):
        try:
            names += [(entry.name, folder / entry.name) for entry in os.scandir(folder) if entry.is_dir()]
        except OSError:
            continue
    found = []
    for _, path in sorted(names, reverse=True)[:MOST_RUNS]:
        record = _record(path / RECORD)
        if record is not None:
            found.append(record)
    return found


def _record(path: Path) -> MemoryRecord | None:
    key = str(path)
    with _lock:
        if key in _read:
            return _read[key]
    value = read_json(path)
    record = MemoryRecord.from_json(value) if value else None
    if record is not None:
        with _lock:
            _read[key] = record
    return record
