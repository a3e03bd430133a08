"""Replacing files whole: a reader sees the old one or the new one, whatever happens meanwhile."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

# Readable by its owner only.
PRIVATE = 0o600


def replace_file(path: Path, data: bytes, mode: int = PRIVATE) -> None:
    """Write a file anew beside its place and rename it there; a link in its place is replaced, not followed. When that
    fails nothing is left behind. Raises OSError.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        if mode != PRIVATE:
            temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        # What a full disk took of it is of no use.
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def rename_file(path: Path, target: Path) -> None:
    """Give a file another name that no file has. Raises FileExistsError when one has it, also one that was made this
    moment, and OSError.
    """
    # The name is taken first; what is renamed onto it then replaces nothing but that.
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))
    try:
        path.rename(target)
    except BaseException:
        with contextlib.suppress(OSError):
            target.unlink(missing_ok=True)
        raise
