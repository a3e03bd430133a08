"""What the trainer printed, made fit for a screen."""

from __future__ import annotations

import os
from pathlib import Path

from runner import plain_text, safe_open
from runner.store.known_lines import without_known

TAIL_BYTES = 64 * 1024


def clean(line: str) -> str:
    """A printed line, without colours and safe to show."""
    return plain_text.line(plain_text.unformatted(line))


def fold_progress(line: str) -> str:
    """A line as a terminal would leave it: after carriage returns only the last state of a progress bar."""
    parts = [part for part in line.split("\r") if part.strip()]
    return parts[-1] if parts else ""


def last_lines(path: Path, count: int, most_bytes: int = TAIL_BYTES) -> list[str]:
    """The last lines of a console log, clean, without empty and known ones (known_lines.py); fewer when the file, or so
    many bytes from its end, hold fewer.
    """
    try:
        with safe_open.open_binary(path) as stream:
            size = os.fstat(stream.fileno()).st_size
            stream.seek(max(0, size - most_bytes))
            data = stream.read(most_bytes)
    except OSError:
        return []
    text = data.decode("utf-8", errors="replace")
    lines = text.split("\n")[1:] if size > most_bytes else text.split("\n")
    cleaned = [clean(fold_progress(line)).rstrip() for line in lines]
    return [line for line in without_known(cleaned) if line][-count:]
