"""Who is alive: an flock held for a process's whole life, which the kernel lets go at its death.

No pid is ever guessed at: pids are reused, and in a container they lie.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from runner import safe_open

ATTEMPTS = 10


def take(path: Path, shared: bool = False, attempts: int = ATTEMPTS) -> int | None:
    """Take the lock and return its file descriptor, or None when another process holds it. Several may hold it at once
    if all of them take it `shared`.

    The descriptor is close-on-exec; pass it to a child with `pass_fds` to hand the lock over without a gap.
    """
    fd = open_lock(path)
    for _ in range(attempts):
        if lock(fd, shared):
            return fd
        # A reader in is_held() has it for microseconds; a process that lives in it keeps it.
        time.sleep(0.02)
    os.close(fd)
    return None


def open_lock(path: Path) -> int:
    """The file of a lock, made where there is none; it is not locked yet. Raises OSError."""
    return safe_open.open_fd(path, os.O_RDWR | os.O_CREAT)


def lock(fd: int, shared: bool = False, wait: bool = False) -> bool:
    """Lock an open file, which lasts until every copy of the descriptor is closed; False when another process holds it.
    With `wait` it is waited for instead: then OSError is raised where it cannot be locked at all.
    """
    try:
        fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        if wait:
            raise
        return False
    return True


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock. A missing file is not held."""
    try:
        fd = safe_open.open_fd(path)
    except OSError:
        return False
    try:
        # A shared lock: two readers who look at the same moment do not take each other for a living process.
        return not lock(fd, shared=True)
    finally:
        os.close(fd)


def keep(fd: int) -> None:
    """Hold a lock that was handed over for as long as this process lives; programs it starts do not get it. Raises
    OSError for a descriptor that is not open.
    """
    os.set_inheritable(fd, False)


def release(fd: int) -> None:
    """Close this process's copy of a lock; it stays held while another process has one."""
    os.close(fd)
