"""Whose turn it is on a GPU: a lock for each, FTUI_HOME/leases/UUID.

A run from the queue has its GPU to itself; one that was launched at once shares it, because a person wanted it so. The
trainer holds the lock too, so that a GPU whose run lost its supervisor is not taken for free.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from runner.run import locks
from runner.run.directory import RunDirectory


def take(home: Path, key: str, run: RunDirectory, shared: bool = False) -> int | None:
    """The lease of a GPU ('cpu' has one too) as a file descriptor; None when another run has it. Raises OSError."""
    path = _path(home, key)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fd = locks.take(path, shared=shared, attempts=1)
    if fd is not None:
        with contextlib.suppress(OSError):
            # Only for the words of those who wait.
            os.ftruncate(fd, 0)
            os.pwrite(fd, run.id.encode(), 0)
    return fd


def holder(home: Path, key: str) -> str:
    """The id of the run that took a lease last; empty when unknown."""
    try:
        text = _path(home, key).read_text(encoding="utf-8", errors="replace")[:200]
    except OSError:
        return ""
    return text if text.isprintable() else ""


def _path(home: Path, key: str) -> Path:
    return home / "leases" / re.sub(r"[^A-Za-z0-9._-]", "-", key)
