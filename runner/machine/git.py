"""The commit of the repository that a folder lies in. A repository is data too: its own config can name programs that
git would start (filters, a file system monitor, hooks), and none of them is.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

SECONDS = 5.0
QUIET = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")
# Where the user's own config is read from, and not the repository's.
OWN_SCOPES = {"system", "global"}


def commit(folder: Path) -> str | None:
    """The commit, with -dirty when there are changes; None without git or a repository. Where seeing changes would
    start a program that the repository names, the commit alone.
    """
    top = _git(folder, "rev-parse", "--show-toplevel")
    if top is None:
        return None
    if _may_compare(folder, Path(top)):
        return _git(folder, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    return _git(folder, "rev-parse", "HEAD")


def _may_compare(folder: Path, top: Path) -> bool:
    """Whether comparing its files with the commit starts nothing: no filters of its own, and no repositories in it."""
    if (top / ".gitmodules").exists():
        return False
    found = _git(folder, "config", "--show-scope", "--name-only", "--get-regexp", r"^filter\.")
    return all(line.split(None, 1)[0] in OWN_SCOPES for line in (found or "").splitlines() if line)


def _git(folder: Path, *arguments: str) -> str | None:
    """What git says; None when it says nothing, or there is no git."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *QUIET, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
