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
