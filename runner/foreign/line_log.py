"""Logs of printed lines: what all their readers have in common, and finding them by what stands in them."""

from __future__ import annotations

import re
from abc import abstractmethod
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Protocol, TypeVar

from runner import plain_text, safe_open
from runner.foreign.file_trace import FileTrace

HEAD_BYTES = 1 << 20
TAIL_BYTES = 1 << 18
# What a line of a log is at most; a match is not looked for in longer ones.
MOST_CHARACTERS = 1 << 14
LOGS = (
    "*.log",
    "*.out",
    "*.txt",
    "*.err",
    "files/output.log",
    "*run-*/files/output.log",
    "wandb/latest-run/files/output.log",
)
# What readers of their own know better, half written too.
NO_LOGS = (".json", ".jsonl", ".ndjson", ".ipynb", ".html", ".htm", ".csv", ".tsv")
# So many logs of a folder are looked into, newest first.
MOST_LOGS = 20

# A number as they are printed, plain or in NumPy's words.
NUMBER = r"[-+]?(?:\d+(?:,\d{3})*(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+|nan|inf|NaN|Infinity)"


class LineLog(FileTrace):
    """Follows a log line by line; a progress bar's carriage returns end lines too."""

    # What a line has to have to be looked at by `is_sign`.
    sign: ClassVar[re.Pattern[str]]

    @classmethod
    def is_sign(cls, line: str) -> bool:
        """Whether such a line stands in no other log."""
        return True

    @abstractmethod
    def read(self, line: str) -> None:
        """Take in a line without colours."""

    def take(self, lines: list[bytes]) -> None:
        for line in lines:
            for part in line.split(b"\r"):
                if len(part) <= MOST_CHARACTERS:
                    self.read(clean(part))


class Found(Protocol):
    """A kind of log that is known by its lines."""

    sign: ClassVar[re.Pattern[str]]

    def __init__(self, path: Path) -> None: ...

    @classmethod
    def is_sign(cls, line: str) -> bool:
        """Whether such a line stands in no other log."""


LogT = TypeVar("LogT", bound=Found)


def find_log(path: Path, kind: type[LogT], *, by_whole_lines: bool = False) -> LogT | None:
    """The file, or the newest in a folder, in whose beginning such lines stand."""
    for file in [path] if path.is_file() else log_files(path):
        if file.suffix in NO_LOGS:
            continue
        if any(
            kind.sign.search(line) and kind.is_sign(line)
            for line in (head(file)[:-1] if by_whole_lines else head(file))
            if len(line) <= 2 * MOST_CHARACTERS
        ):
            return kind(file)
    return None


def log_files(folder: Path) -> list[Path]:
    """The files of a folder that may be logs, newest first."""
    found = {file for pattern in LOGS for file in folder.glob(pattern) if file.is_file()}
    return sorted(found, key=_written, reverse=True)[:MOST_LOGS]


def _written(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def head(path: Path) -> list[str]:
    """The lines a text begins with, and of a long one those it ends with, without colours; none of what is no text.

    Bars go to a file at once, and what is printed beside them may only be written when a buffer is full.
    """
    try:
        status = path.stat()
        return _head(path, status.st_size, status.st_mtime_ns, status.st_ino)
    except OSError:
        return []


@lru_cache(maxsize=8)
def _head(path: Path, *version: int) -> list[str]:
    with safe_open.open_binary(path) as stream:
        data = stream.read(HEAD_BYTES)
        if b"\0" in data[:4096]:
            return []
        size = stream.seek(0, 2)
        if size > HEAD_BYTES:
            stream.seek(max(HEAD_BYTES, size - TAIL_BYTES))
            data = data.rpartition(b"\n")[0] + b"\n" + stream.read(TAIL_BYTES).partition(b"\n")[2]
    return [clean(line) for line in re.split(rb"[\r\n]", data)]


def clean(line: bytes) -> str:
    """A printed line as text, without colours."""
    text = line.decode("utf-8", errors="replace")
    return plain_text.unformatted(text)


def as_number(text: str) -> float:
    """A printed number, with or without thousands separators."""
    return float(text.replace(",", ""))
