"""Whose a directory is. One that others own or may write to is read; nothing is started, written or deleted there: what
it holds, another user may change between two looks.
"""

from __future__ import annotations

import os
import stat
import uuid
from pathlib import Path

OTHERS = stat.S_IRWXG | stat.S_IRWXO
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def not_ours(folder: Path) -> str:
    """Why a directory is not this user's alone, in words that follow its name; empty when it is, or is not there."""
    try:
        status = folder.stat()
    except OSError:
        return ""
    is_another_s, is_open = status.st_uid != os.geteuid(), bool(status.st_mode & OTHERS_WRITE)
    if not (is_another_s or is_open):
        return ""
    new = _new_folder_in(folder)
    if is_another_s and (new is None or new.st_uid != status.st_uid):
        return f"belongs to another user (uid {status.st_uid})"
    if is_open and (new is None or not new.st_mode & OTHERS):
        return f"may be written to by other users; `chmod go-w {folder}` ends that"
    return ""


def _new_folder_in(folder: Path) -> os.stat_result | None:
    """How a directory of ours looks there; None where none can be made. Some file systems give every file one owner
    and one mode (FAT, CIFS, FUSE, Windows' disks under WSL, NFS that squashes users): they do not tell who may write.
    """
    path = folder / f".owner-{uuid.uuid4().hex}"
    try:
        path.mkdir(mode=0o700)
        try:
            return path.stat()
        finally:
            path.rmdir()
    except OSError:
        return None
