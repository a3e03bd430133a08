"""What a trainer printed: `{'loss': '0.5', …}` lines between progress bars.

Numbers have four digits there, and steps are not among them: steps.py finds them.
"""

from __future__ import annotations

import ast
import json
import re
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from runner.foreign.file_trace import FileTrace
from runner.foreign.line_log import clean, find_log
from runner.foreign.printed import Entry, Printed
from runner.foreign.steps import find_steps
from runner.foreign.values import number

MOST_ENTRY_CHARACTERS = 8192
# Looking for an entry in a longer line takes minutes.
MOST_LINE_CHARACTERS = 4 * MOST_ENTRY_CHARACTERS

_ANY_BAR = re.compile(r"(?<![\d.])(?P<step>\d{1,15})/(?P<total>\d{1,15}) \[")
# Bars of the data have a description; those of a training have none, or one of these.
_OTHER_BAR = re.compile(r"\s*(?!(?:train(?:ing)?(?: progress)?|steps)\s*:)[^\W\d]", re.IGNORECASE)
_ENTRY = re.compile(r"\{\s*['\"].*\}")
_METRIC = re.compile(r"\w*loss|epoch|train_runtime|reward")
_QUOTED = re.compile(rf"['\"](?:{_METRIC.pattern})['\"]")
# What is pasted into a word processor or a forum.
_QUOTES = str.maketrans("‘’‚‛“”„‟", "''''\"\"\"\"")
# repr of a float that is not finite is a bare name, which no literal is; NumPy's has its type around it.
_BARE = re.compile(r"(?<=[:\s\[,])(-?(?:nan|inf|NaN|Infinity))(?=\s*[,}\]])")
_NUMPY = re.compile(r"\b(?:np|numpy|torch)\.\w+\(([^()]*)\)|\btensor\(([^(),]*)[^()]*\)")
_TOTAL = re.compile(r"Total (?:optimization )?steps\s*=\s*(\d[\d,]{,17})")
_EPOCHS = re.compile(r"Num Epochs\s*=\s*(\d[\d,]{,17})")
# torchrun, Accelerate and mpirun name the process that printed a line.
_RANK = re.compile(
    r"\[?(?:default|local_rank|rank)[ :=]?(\d{1,5})\]?:?\s*|\[\d+,(\d{1,5})\]<std\w+>:?\s*", re.I
)


class ConsoleLog(FileTrace):
    """Follows a console log. When a later line shows that steps were counted wrongly, everything is told anew."""

    kind = "console log"
    is_of_trainer = True
    has_closed_lines = True

    sign: ClassVar[re.Pattern[str]] = re.compile(r"\{\s*['\"‘’“”„‚]")

    @classmethod
    def is_sign(cls, line: str) -> bool:
        printed = Printed()
        read_line(line.encode(), printed)
        return bool(printed.entries)

    def begin(self) -> None:
        super().begin()
        self._printed = Printed()
        self._told: list[tuple[int, Entry]] = []
        self._is_untold = False

    def take(self, lines: list[bytes]) -> None:
        for line in lines:
            self.odd += read_line(line, self._printed)
        # The bar after the last entry stands on a line that has no end yet.
        has_bar = self._look_ahead()
        # All steps are found anew each time: of a long log that is just being read, not with every piece.
        self._is_untold = self._is_untold or bool(lines) or has_bar
        if self._is_untold and (not self.tail.has_more or len(self._printed.entries) > 1.5 * len(self._told)):
            self._is_untold = False
            self._tell()

    def _look_ahead(self) -> bool:
        """Whether the last entry has found its bar just now."""
        last = self._printed.entries[-1:]
        if not last or last[0].after or not self.tail.torn:
            return False
        read_line(self.tail.torn, Printed(last, self._printed.drawn), only_bars=True)
        return bool(last[0].after)

    def _tell(self) -> None:
        printed = self._printed
        entries = printed.counting()
        found = list(zip(find_steps(entries, printed), entries, strict=True))
        if [(step, e.text) for step, e in found[: len(self._told)]] != [
            (step, e.text) for step, e in self._told
        ]:
            self.book.reset()
            self._told = []
        self.book.facts.set_total(printed.total or printed.training_total())
        self.book.facts.set_epochs(printed.epochs)
        for step, entry in islice(found, len(self._told), None):
            self.book.add(step, entry.logs)
        self._told = found


def find(path: Path) -> ConsoleLog | None:
    """A log with entries in it; in a directory the newest such. Bars alone may be of anything."""
    return find_log(path, ConsoleLog)


def read_line(line: bytes, printed: Printed, *, only_bars: bool = False) -> int:
    """Take in a line, whose parts a progress bar ends with carriage returns; how many entries it spoilt."""
    bad = 0
    for part in line.split(b"\r"):
        text = printed.continued(clean(part))
        found = None if only_bars or len(text) > MOST_LINE_CHARACTERS else _entry(text)
        if found is not None and _QUOTED.search(found[0]):
            before = text[: found.start()]
            bar = _bar(before)
            printed.see(bar)
            logs = parse_entry(found[0])
            if logs is None:
                bad += 1
            elif any(_METRIC.fullmatch(key) and number(value) is not None for key, value in logs.items()):
                rank = _RANK.search(before)
                name = (rank[1] or rank[2]) if rank else None
                printed.add(logs, found[0], name, is_beside=bar is not None)
            continue
        printed.see(_bar(text), is_after=True)
        if (match := _TOTAL.search(text)) is not None:
            printed.total = int(match[1].replace(",", ""))
        if (match := _EPOCHS.search(text)) is not None:
            printed.epochs = int(match[1].replace(",", ""))
    return bad


def _entry(text: str) -> re.Match[str] | None:
    return _ENTRY.search(text if text.isascii() else text.translate(_QUOTES))


def parse_entry(text: str) -> dict[str, Any] | None:
    """The dictionary in a text, as Python or as JSON; None when it is none."""
    if len(text) > MOST_ENTRY_CHARACTERS:
        return None
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError):
        try:
            entry = ast.literal_eval(_BARE.sub(r"'\1'", _NUMPY.sub(r"\1\2", text)))
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            return None
    return entry if isinstance(entry, dict) and all(isinstance(key, str) for key in entry) else None


def _bar(text: str) -> tuple[int, int] | None:
    """Step and length of the training's progress bar in a text."""
    match = _ANY_BAR.search(text)
    if match is None or _OTHER_BAR.match(text):
        return None
    return int(match["step"]), int(match["total"])
