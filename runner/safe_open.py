"""Opening files that may be anything: in a run directory from elsewhere a pipe can lie where a file belongs, and who
opens a pipe waits for its other end for ever.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_fd(path: Path, flags: int = os.O_RDONLY, mode: int = 0o600) -> int:
    """The descriptor of a regular file, close-on-exec; made with `mode` where the flags say so. Never waits. Raises
    OSError, also for whatever is no regular file.
    """
    fd = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK, mode)
    kind = os.fstat(fd).st_mode
    if stat.S_ISREG(kind):
        return fd
    os.close(fd)
    if stat.S_ISDIR(kind):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise OSError(errno.EINVAL, "is no regular file", str(path))


def open_binary(path: Path) -> BinaryIO:
    """A regular file for reading. Raises OSError."""
    return os.fdopen(open_fd(path), "rb")


def read_text(path: Path) -> str:
    """All of a regular file of UTF-8 text, its lines ended by a newline each, however they end in the file. Raises
    OSError or UnicodeDecodeError.
    """
    with io.TextIOWrapper(open_binary(path), encoding="utf-8") as stream:
        return stream.read()


def read_bytes(path: Path) -> bytes:
    """All of a regular file. Raises OSError."""
    with open_binary(path) as stream:
        return stream.read()


def content(path: Path) -> bytes | None:
    """All of a regular file, None where there is none to be read."""
    try:
        return read_bytes(path)
    except OSError:
        return None
