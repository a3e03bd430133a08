"""Losses in progress bars: `steps:  76%|███▌ | 73/96 [25:54<08:09, 21.29s/it, avr_loss=0.0886]`.

kohya's scripts draw such bars over the whole training, Lightning and many loops one an epoch. A bar is drawn several
times a step: the last one counts.
"""

from __future__ import annotations

import re
from pathlib import Path

from runner.foreign import console
from runner.foreign.line_log import NUMBER, LineLog, as_number, find_log, head
from runner.foreign.logbook import Events
from runner.foreign.names import known
from runner.foreign.printed import Printed

_PAIR = re.compile(rf"([A-Za-z][\w/]*)[=:]\s*({NUMBER})(?=[,\]\s]|$)")
_EPOCH = re.compile(r"\bepoch\s*:?\s*\[?(\d{1,9})(?:\s*/\s*(\d{1,9}))?", re.IGNORECASE)


class BarLog(LineLog):
    """Follows the bars of a training."""

    kind = "progress bars"
    sign = re.compile(
        rf"(?<![\d.])(\d{{1,15}})/(\d{{1,15}}) \[[^\]]*?\b\w*loss[=:]\s*{NUMBER}", re.IGNORECASE
    )

    def begin(self) -> None:
        super().begin()
        self._first_epoch: int | None = None
        self._epoch = 0
        self._is_full = False
        self.book.facts.counts_epochs = True

    def read(self, line: str) -> None:
        match = self.sign.search(line)
        epoch = _EPOCH.search(line if match is None else line[: match.start()])
        if match is None:
            # The last bar is drawn several times; only what comes after it says that it was the last.
            self.book.is_complete = self.book.is_complete or (self._is_full and bool(line.strip()))
            if epoch is not None and line.lstrip().lower().startswith("epoch"):
                self._epoch = int(epoch[1])
            return
        done, length = int(match[1]), int(match[2])
        logs: dict[str, float] = {}
        for name, value in _PAIR.findall(line, match.start()):
            logs.setdefault(known(name), as_number(value))
        if "loss" not in logs:
            return
        if epoch is not None:
            # A bar of its own for each epoch, which some count from 0.
            self._epoch = int(epoch[1])
            self._first_epoch = self._epoch if self._first_epoch is None else self._first_epoch
            before = self._epoch - self._first_epoch
            total = length * int(epoch[2]) if epoch[2] else None
            done += length * max(0, before)
        else:
            total = length
        self.book.facts.set_total(total)
        self.book.add(done, logs | ({"epoch": self._epoch} if self._epoch else {}))
        self._is_full = total is not None and done >= total

    def take_events(self) -> Events:
        return self.book.take_flushed()


def find(path: Path) -> BarLog | None:
    found = find_log(path, BarLog)
    return found if found is not None and not _has_entries(found.path) else None


def _has_entries(path: Path) -> bool:
    printed = Printed()
    for line in head(path):
        console.read_line(line.encode(), printed)
        if printed.entries:
            return True
    return False
