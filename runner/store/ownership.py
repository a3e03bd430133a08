"""Whose a directory is. One that others own or may write to is read; nothing is started, written or deleted there: what
it holds, another user may change between two looks.
"""

from __future__ import annotations

import os
import stat
import uuid
from pathlib import Path

from runner import safe_open

OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def not_ours(folder: Path) -> str:
    """Why a directory is not this user's alone, in words that follow its name; empty when it is, or is not there."""
    try:
        status = folder.stat()
    except OSError:
        return ""
    if status.st_uid != os.geteuid():
        return f"belongs to another user (uid {status.st_uid})"
    if status.st_mode & OTHERS_WRITE and _keeps_modes(folder):
        return f"may be written to by other users; `chmod go-w {folder}` ends that"
    return ""


def _keeps_modes(folder: Path) -> bool:
    """Whether the file system knows who may write a file: FAT, and Windows' disks under WSL, give all the same mode."""
    path = folder / f".mode-{uuid.uuid4().hex}"
    try:
        fd = safe_open.open_fd(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError:
        return True
    try:
        return not os.fstat(fd).st_mode & OTHERS_WRITE
    finally:
        os.close(fd)
        path.unlink(missing_ok=True)
