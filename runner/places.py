"""Where the user's own folder and the current one are: either can be missing."""

from __future__ import annotations

import errno
from pathlib import Path


def expanded(path: str | Path) -> Path:
    """A path with the folder its `~` stands for; as it is where that is not known, as a shell has it."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        # Neither $HOME nor an entry in passwd, or a user there is none of.
        return Path(path)


def standing() -> Path:
    """The current folder. Raises OSError where that was deleted."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        words = "the current folder was deleted: cd to one that is there"
        raise FileNotFoundError(errno.ENOENT, words) from None


def absolute(path: str | Path) -> Path:
    """A path from the root on, `~` expanded. Raises OSError for a relative one where the current folder was deleted."""
    found = expanded(path)
    return found if found.is_absolute() else standing() / found


def recorded() -> str:
    """The current folder for a record; empty where it was deleted."""
    try:
        return str(standing())
    except OSError:
        return ""
