"""Whose turn it is on a GPU: a lock for each, FTUI_HOME/leases/UUID, in the user's own home wherever a run lies.

A run from the queue has its GPU to itself; one that was launched at once shares it, because a person wanted it so. The
trainer holds the lock too, so that a GPU whose run lost its supervisor is not taken for free.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from pathlib import Path

from runner import safe_open
from runner.store import locks
from runner.store.directory import RunDirectory, ftui_home


def take(key: str, run: RunDirectory) -> int | None:
    """The lease of a GPU ('cpu' has one too) as a file descriptor; None when another run has it. Raises OSError."""
    fd = locks.take(_made(key), attempts=1)
    if fd is not None:
        _sign(fd, run)
    return fd


def share(key: str, run: RunDirectory) -> int:
    """The lease for a run that shares its GPU, as a file descriptor. While a run has the GPU to itself, nothing but the
    descriptor is there: it becomes the lease when that run ends. Raises OSError.
    """
    path = _made(key)
    # More than once: who looks for a turn has it for a moment.
    fd = locks.take(path, shared=True)
    if fd is not None:
        _sign(fd, run)
        return fd
    waiting = locks.open_lock(path)

    def wait() -> None:
        with contextlib.suppress(OSError):
            locks.lock(waiting, shared=True, wait=True)
            # The run may be over by now, and its descriptor closed or another file's.
            if os.path.samestat(os.fstat(waiting), path.stat()):
                _sign(waiting, run)

    threading.Thread(target=wait, name=f"share {key}", daemon=True).start()
    return waiting


def _sign(fd: int, run: RunDirectory) -> None:
    """Only for the words of those who wait."""
    with contextlib.suppress(OSError):
        os.ftruncate(fd, 0)
        os.pwrite(fd, run.id.encode(), 0)


def holder(key: str) -> str:
    """The id of the run that took a lease last; empty when unknown."""
    try:
        text = safe_open.read_bytes(_path(key)).decode("utf-8", errors="replace")[:200]
    except OSError:
        return ""
    return text if text.isprintable() else ""


def _made(key: str) -> Path:
    path = _path(key)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def _path(key: str) -> Path:
    return ftui_home() / "leases" / re.sub(r"[^A-Za-z0-9._-]", "-", key)
