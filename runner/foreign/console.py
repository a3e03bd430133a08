"""What a trainer printed: `{'loss': '0.5', …}` lines between progress bars.

Numbers have four digits there, and steps are not among them: steps.py finds them.
"""

from __future__ import annotations

import ast
import json
import re
from itertools import islice
from pathlib import Path
from typing import Any

from runner.foreign.file_trace import FileTrace
from runner.foreign.steps import Bar, Entry, Printed, find_steps
from runner.run.jsonl import LineTail

MOST_ENTRY_CHARACTERS = 8192
# Looking for an entry in a longer line takes minutes.
MOST_LINE_CHARACTERS = 4 * MOST_ENTRY_CHARACTERS
HEAD_BYTES = 1 << 20
LOGS = ("*.log", "*.out", "*.txt", "wandb/latest-run/files/output.log")

_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_ANY_BAR = re.compile(r"(?<![\d.])(?P<step>\d{1,15})/(?P<total>\d{1,15}) \[")
_ENTRY = re.compile(r"\{\s*['\"].*\}")
_METRICS = ("loss'", 'loss"', "train_runtime")
# repr of a float that is not finite is a bare name, which no literal is.
_BARE = re.compile(r"(?<=[:\s\[,])(-?(?:nan|inf|NaN|Infinity))(?=\s*[,}\]])")
_TOTAL = re.compile(r"Total optimization steps = (\d[\d,]{,17})")
_EPOCHS = re.compile(r"Num Epochs = (\d[\d,]{,17})")


def find(path: Path) -> ConsoleLog | None:
    """A log with entries or a bar in it; in a directory the newest such."""
    if path.is_file():
        return ConsoleLog(path) if _looks_like_one(path) else None
    logs = {file for pattern in LOGS for file in path.glob(pattern) if file.is_file()}
    newest = sorted(logs, key=lambda file: file.stat().st_mtime, reverse=True)
    return next((ConsoleLog(file) for file in newest if _looks_like_one(file)), None)


class ConsoleLog(FileTrace):
    """Follows a console log. When a later line shows that steps were counted wrongly, everything is told anew."""

    kind = "console log"

    def __init__(self, path: Path) -> None:
        self._lines = _Lines(path)
        super().__init__(path, path.name, self._lines)

    def begin(self) -> None:
        super().begin()
        self._printed = Printed()
        self._steps: list[int] = []

    def take(self, lines: list[bytes]) -> None:
        for line in lines:
            self.odd += read_line(line, self._printed)
        # The bar after the last entry stands on a line that has no end yet.
        has_bar = self._look_ahead()
        if lines or has_bar:
            self._tell()

    def _look_ahead(self) -> bool:
        """Whether the last entry has found its bar just now."""
        last = self._printed.entries[-1:]
        if not last or last[0].after is not None or not self._lines.torn:
            return False
        read_line(self._lines.torn, Printed(last, self._printed.bar), only_bars=True)
        return last[0].after is not None

    def _tell(self) -> None:
        found = find_steps(self._printed)
        if found[: len(self._steps)] != self._steps:
            self.book.reset()
            self._steps = []
        self.book.facts.set_total(self._printed.total)
        self.book.facts.set_epochs(self._printed.epochs)
        for entry, step in islice(zip(self._printed.entries, found, strict=True), len(self._steps), None):
            self.book.add(step, entry.logs)
        self._steps = found


class _Lines(LineTail):
    """A LineTail that shows the line which has no end yet."""

    @property
    def torn(self) -> bytes:
        return self._pending


def read_line(line: bytes, printed: Printed, *, only_bars: bool = False) -> int:
    """Take in a line, whose parts a progress bar ends with carriage returns; how many entries it spoilt."""
    bad = 0
    for part in line.split(b"\r"):
        text = _COLOURS.sub("", part.decode("utf-8", errors="replace"))
        found = None if only_bars or len(text) > MOST_LINE_CHARACTERS else _ENTRY.search(text)
        if found is not None and any(name in found[0] for name in _METRICS):
            printed.see(_bar(text[: found.start()]))
            logs = parse_entry(found[0])
            if logs is None:
                bad += 1
            else:
                printed.entries.append(Entry(logs, before=printed.bar))
            continue
        printed.see(_bar(text), is_after=True)
        if (match := _TOTAL.search(text)) is not None:
            printed.total = int(match[1].replace(",", ""))
        elif (match := _EPOCHS.search(text)) is not None:
            printed.epochs = int(match[1].replace(",", ""))
    return bad


def parse_entry(text: str) -> dict[str, Any] | None:
    """The dictionary in a text, as Python or as JSON; None when it is none."""
    if len(text) > MOST_ENTRY_CHARACTERS:
        return None
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError):
        try:
            entry = ast.literal_eval(_BARE.sub(r"'\1'", text))
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            return None
    return entry if isinstance(entry, dict) and all(isinstance(key, str) for key in entry) else None


def _bar(text: str) -> Bar | None:
    """The training's progress bar in a text: it has no description, as those of the data have."""
    match = _ANY_BAR.search(text)
    if match is None or re.match(r"\s*[A-Za-z]", text):
        return None
    return Bar(int(match["step"]), int(match["total"]))


def _looks_like_one(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            data = stream.read(HEAD_BYTES)
    except OSError:
        return False
    if b"\0" in data[:4096]:
        return False
    printed = Printed()
    for line in data.split(b"\n"):
        read_line(line, printed)
        if printed.entries:
            return True
    return printed.bar is not None
