"""What the trainer printed, made fit for a screen."""

from __future__ import annotations

import os
import re
from pathlib import Path

from runner import safe_open
from runner.store.known_lines import without_known

TAIL_BYTES = 64 * 1024

# CSI, OSC (ended by BEL or ST) and other escape sequences, then every control character but tab, and halves of
# surrogate pairs, which no terminal can be sent.
_CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-_]|[\x00-\x08\x0a-\x1f\x7f-\x9f\ud800-\udfff]"
)


def clean(text: str) -> str:
    """Text that cannot move a cursor, change a colour or set a title: control sequences are taken out."""
    return _CONTROL.sub("", text).replace("\t", "    ")


def clean_lines(text: str) -> str:
    """The same for text of several lines, which stay."""
    return "\n".join(clean(line) for line in text.split("\n"))


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
