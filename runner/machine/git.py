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
FOUND, NONE_FOUND = 0, 1
# Of an entry that is a commit of another repository (gitformat-index(5)).
REPOSITORY_MODE = "160000 "


def commit(folder: Path) -> str | None:
    """The commit, with -dirty when there are changes; None without git or a repository. Where seeing changes would
    start a program that the repository names, the commit alone.
    """
    if _may_compare(folder):
        return _git(folder, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")[1] or None
    return _git(folder, "rev-parse", "HEAD")[1] or None


def _may_compare(folder: Path) -> bool:
    """Whether comparing its files with the commit starts nothing: it has no filters of its own, and no repository is
    part of it, whose config git would read too.
    """
    code, found = _git(folder, "config", "--show-scope", "--name-only", "--get-regexp", r"^filter\.")
    if code not in (FOUND, NONE_FOUND):
        return False
    if not all(line.split(None, 1)[0] in OWN_SCOPES for line in found.splitlines() if line):
        return False
    code, files = _git(folder, "ls-files", "--stage", "--full-name", ":/")
    return code == FOUND and not any(line.startswith(REPOSITORY_MODE) for line in files.splitlines())


def _git(folder: Path, *arguments: str) -> tuple[int, str]:
    """(exit code, what git says); (-1, '') where it could not be asked."""
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
        return -1, ""
    return done.returncode, done.stdout.strip() if done.returncode == 0 else ""
