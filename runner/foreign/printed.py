"""What was read of a printed log: entries, progress bars, and which of the entries are one run's."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any

from runner.foreign.plan import MOST_EPOCHS
from runner.foreign.values import number

# Bars of a training, of its evaluations and of the data, by how long they are.
MOST_BARS = 12
# An entry that was printed over several lines, as pprint and narrow terminals do, has no more.
MOST_LINES = 60
_OPEN = re.compile(r"\{\s*['\"][^'\"{}]+['\"]\s*:[^{}]*$")
# ms-swift's progress, '10/438'; its Megatron trainer's second.
PROGRESS = ("global_step/max_steps", "iteration")
_PROGRESS = re.compile(r"\s*(\d{1,15})\s*/\s*(\d{1,15})\s*")


@dataclass
class Entry:
    """A printed log, and the steps of the bars drawn last before it and first after it, by the length of the bar. One
    that stands on the line of a bar, `is_beside` it, was printed while that was drawn.
    """

    logs: Mapping[str, Any]
    text: str = ""
    before: Mapping[int, int] = field(default_factory=dict)
    after: dict[int, int] = field(default_factory=dict)
    is_beside: bool = False

    @cached_property
    def is_train(self) -> bool:
        return not any(key.startswith("eval_") for key in self.logs) and "train_runtime" not in self.logs

    @cached_property
    def epoch(self) -> float:
        found = number(self.logs.get("epoch"))
        return found if found is not None and abs(found) <= MOST_EPOCHS else math.nan

    @cached_property
    def progress(self) -> tuple[int, int] | None:
        """Step and total, where the entry itself names them."""
        found = (_PROGRESS.fullmatch(str(self.logs[key])) for key in PROGRESS if key in self.logs)
        return next(((int(match[1]), int(match[2])) for match in found if match), None)

    @cached_property
    def step(self) -> int | None:
        """The step, where the entry itself names it."""
        if (progress := self.progress) is not None:
            return progress[0]
        named = (number(self.logs[key]) for key in ("step", "global_step") if key in self.logs)
        return next((int(step) for step in named if step is not None and 0 <= step < 1e15), None)


@dataclass
class Printed:
    """What was read of a log: its entries, the last bar of each length, and what the trainer's header says."""

    entries: list[Entry] = field(default_factory=list)
    drawn: dict[int, int] = field(default_factory=dict)
    total: int | None = None
    epochs: int | None = None
    rank: str | None = None
    _open: list[str] = field(default_factory=list)

    def continued(self, text: str) -> str:
        """A line, with those before it that belong to the same entry once it closes."""
        if self._open and "{" not in text and len(self._open) < MOST_LINES:
            self._open.append(text.strip())
            if "}" not in text:
                return text
            text, self._open = " ".join(self._open), []
            return text
        self._open = [text] if _OPEN.search(text) else []
        return text

    def add(
        self, logs: Mapping[str, Any], text: str, rank: str | None = None, *, is_beside: bool = False
    ) -> None:
        """Take an entry in; of several ranks that print, the one that was first."""
        self.rank = self.rank or rank
        if rank is None or rank == self.rank:
            self.entries.append(Entry(logs, text, before=dict(self.drawn), is_beside=is_beside))

    def see(self, bar: tuple[int, int] | None, *, is_after: bool = False) -> None:
        """Take a bar in: its step and its length."""
        if bar is None or (bar[1] not in self.drawn and len(self.drawn) >= MOST_BARS):
            return
        step, total = bar
        self.drawn[total] = step
        if is_after and self.entries:
            self.entries[-1].after.setdefault(total, step)

    def training_total(self) -> int | None:
        """The length of the training's bar: the header's, the one drawn between train entries, or the first there was.
        Those of evaluations and of the data have other lengths.
        """
        named = next((e.progress for e in reversed(self.entries) if e.progress is not None), None)
        if named is not None:
            return named[1]
        if self.total in self.drawn:
            return self.total
        train = [entry for entry in self.entries if entry.is_train]
        counts = Counter(total for entry in train for total in entry.after)
        order = list(self.drawn)
        # An evaluation's bars may stand after one log or the other.
        if counts and 2 * max(counts.values()) >= len(train):
            return max(counts, key=lambda total: (counts[total], -order.index(total)))
        return order[0] if order else None

    def counting(self) -> list[Entry]:
        """The entries without those that further ranks printed too: every one stands there as many times, then."""
        groups = [list(group) for _, group in groupby(self.entries, key=lambda entry: entry.text)]
        copies = math.gcd(*(len(group) for group in groups[:-1])) if len(groups) > 2 else 1
        if copies < 2:
            return self.entries
        return [entry for group in groups for entry in _once(group, copies)]


def _once(group: list[Entry], copies: int) -> list[Entry]:
    """Each entry of equal ones that follow one another, with the bars that were drawn around its copies."""
    kept = []
    for start in range(0, len(group), copies):
        same = group[start : start + copies]
        after = {total: step for entry in reversed(same) for total, step in entry.after.items()}
        kept.append(Entry(same[0].logs, same[0].text, same[0].before, after, same[0].is_beside))
    return kept
