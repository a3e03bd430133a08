"""Which runs were launched here, with what preset: FTUI_HOME/launched.jsonl, a line for each with the SHA-256 of both.

A run directory that was copied from elsewhere is not in it, and neither is one whose preset was changed by hand: what
they say is read like any other, but code that they would let run is asked for first.
"""

from __future__ import annotations

import hashlib

from runner import safe_open
from runner.store.directory import RunDirectory, ftui_home
from runner.store.jsonl import LineTail, LineWriter


def note(run: RunDirectory) -> None:
    """Write down that a run was launched with the preset that is frozen in it. Raises OSError."""
    with LineWriter(ftui_home() / "launched.jsonl") as lines:
        lines.append({"fingerprint": _digest(run)})


def was_here(run: RunDirectory) -> bool:
    """Whether it was launched by this user with this preset."""
    wanted = _digest(run)
    return any(
        record.get("fingerprint") == wanted for record in LineTail(ftui_home() / "launched.jsonl").read_all()
    )


def _digest(run: RunDirectory) -> str:
    return hashlib.sha256(run.id.encode() + b"\0" + (safe_open.content(run.preset) or b"")).hexdigest()
