"""Opening files that may be anything: in a run directory from elsewhere a pipe can lie where a file belongs, and who
opens a pipe waits for its other end for ever; a device has no end, and neither has a file that grows as it is read.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path

MIB = 1 << 20
# No text that is read whole (a preset, a state, a model's config.json, a tokenizer) has more.
MOST_BYTES = 64 * MIB


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
    raise OSError(errno.EINVAL, f"is {kind_of(kind)}, no file", str(path))


def kind_of(mode: int) -> str:
    """What there is in the place of a file, by its st_mode; empty for a regular file."""
    if stat.S_ISREG(mode):
        return ""
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a pipe"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"


def open_binary(path: Path) -> io.BufferedReader:
    """A regular file for reading. Raises OSError."""
    return os.fdopen(open_fd(path), "rb")


def read_text(path: Path, most_bytes: int = MOST_BYTES) -> str:
    """All of a regular file of UTF-8 text, its lines ended by a newline each, however they end in the file. Raises
    OSError, also for a larger one, or UnicodeDecodeError.
    """
    with io.TextIOWrapper(io.BytesIO(read_bytes(path, most_bytes)), encoding="utf-8") as stream:
        return stream.read()


def read_bytes(path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """All of a regular file. Raises OSError, also for a larger one."""
    with open_binary(path) as stream:
        data = stream.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise OSError(errno.EFBIG, f"is larger than {most_bytes / MIB:g} MiB", str(path))
    return data


def content(path: Path) -> bytes | None:
    """All of a regular file, None where there is none to be read."""
    try:
        return read_bytes(path)
    except OSError:
        return None
