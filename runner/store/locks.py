"""Locks: an flock held for a process's whole life, which the kernel lets go at its death, and signed by that process,
so that a file in the lock's place is told from the lock (life.py).
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from runner import safe_open
from runner.store import processes
from runner.store.processes import Identity

ATTEMPTS = 10
MOST_SIGNED = 4096


@dataclass(frozen=True)
class Signature:
    """Who held a lock last; `is_of_this_file` tells whether that was this very file, and no copy of it."""

    owner: Identity
    is_of_this_file: bool


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
    With `wait` it is waited for instead. Raises OSError where files cannot be locked at all.
    """
    try:
        fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL):
            raise OSError(
                error.errno,
                f"this file system does not lock files ({error.strerror}): set FTUI_HOME to another",
            ) from None
        raise
    return True


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock. A missing file is not held: whether a run lives is life.py's to say."""
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
    """Hold a lock that was handed over for as long as this process lives, and sign it; programs it starts do not get
    it. Raises OSError for a descriptor that is not open.
    """
    os.set_inheritable(fd, False)
    sign(fd)


def sign(fd: int) -> None:
    """Write into a lock who holds it: this process."""
    record = processes.own_identity().as_record() | {"inode": os.fstat(fd).st_ino}
    try:
        os.ftruncate(fd, 0)
        os.pwrite(fd, json.dumps(record).encode() + b"\n", 0)
    except OSError:
        # On a full disk it holds all the same; should the file be removed then, the process is found by its command.
        return


def signature(fd: int) -> Signature | None:
    """Who signed a lock last; None when no process did, or what is there is no signature. Raises OSError."""
    try:
        record = json.loads(os.pread(fd, MOST_SIGNED, 0))
    except (ValueError, RecursionError):
        return None
    owner = processes.identity_of(record) if isinstance(record, dict) else None
    return None if owner is None else Signature(owner, record.get("inode") == os.fstat(fd).st_ino)


def release(fd: int) -> None:
    """Close this process's copy of a lock; it stays held while another process has one."""
    os.close(fd)
