"""The steps of printed logs, which say at which epoch they were written but not at which step.

A bar drawn next to an entry says it, where the two reached the log in order. Where they did not (bars go to stderr at
once, what is printed to stdout by the block), or where there is none, epochs tell how far apart the entries are; how
many steps an epoch has is told by the trainer's own header, or by the last bar when training has ended. Without either,
entries are counted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Any

from runner.foreign.logbook import number
from runner.foreign.plan import MOST_EPOCHS

# Epochs are printed with four digits.
EPOCH_TOLERANCE = 0.02


@dataclass(frozen=True)
class Bar:
    """A progress bar as it was drawn."""

    step: int
    total: int


@dataclass
class Entry:
    """A printed log, the last bar drawn before it, and the first one after it."""

    logs: Mapping[str, Any]
    before: Bar | None = None
    after: Bar | None = None

    @property
    def is_train(self) -> bool:
        return "loss" in self.logs

    @property
    def epoch(self) -> float:
        found = number(self.logs.get("epoch"))
        return found if found is not None and abs(found) <= MOST_EPOCHS else math.nan


@dataclass
class Printed:
    """What was read of a log: its entries, the training's last bar, and what the trainer's header says."""

    entries: list[Entry] = field(default_factory=list)
    bar: Bar | None = None
    total: int | None = None
    epochs: int | None = None

    def see(self, bar: Bar | None, *, is_after: bool = False) -> None:
        """Take a bar in. The first one is the training's; those of evaluations have another total."""
        if bar is None or (self.bar is not None and bar.total != self.bar.total):
            return
        self.bar, self.total = bar, bar.total
        if is_after and self.entries and self.entries[-1].after is None:
            self.entries[-1].after = bar


def find_steps(printed: Printed) -> list[int]:
    """The step of each entry."""
    entries = printed.entries
    for drawn in ([e.after for e in entries], [e.before for e in entries]):
        if (steps := _by_bars(entries, drawn)) is not None:
            return steps
    return _by_count(entries, _steps_per_epoch(printed))


def _by_bars(entries: Sequence[Entry], drawn: Sequence[Bar | None]) -> list[int] | None:
    """The steps that bars show, if each entry but the last has one and they keep pace with the epochs."""
    if not entries or any(bar is None for bar in drawn[:-1]) or (drawn[-1] is None and len(drawn) < 2):
        return None
    steps = [bar.step for bar in drawn if bar is not None]
    if drawn[-1] is None:
        steps.append(_next(entries, steps))
    train = [(step, entry.epoch) for entry, step in zip(entries, steps, strict=True) if entry.is_train]
    pace = [step / epoch for step, epoch in train if epoch > 0]
    if not pace:
        return steps
    usual = median(pace)
    keeps = all(abs(step - epoch * usual) <= 1 + EPOCH_TOLERANCE * step for step, epoch in train if epoch > 0)
    return steps if keeps and usual >= 1 else None


def _next(entries: Sequence[Entry], steps: Sequence[int]) -> int:
    """The step of an entry after which no bar was drawn yet."""
    last, before = entries[-1], entries[-2]
    if last.epoch == before.epoch or not last.is_train:
        return steps[-1]
    if before.epoch > 0 and last.epoch > 0:
        return round(steps[-1] * last.epoch / before.epoch)
    return steps[-1] + (steps[-1] - steps[-2] if len(steps) > 1 else 1)


def _steps_per_epoch(printed: Printed) -> float | None:
    if printed.total and printed.epochs:
        return math.ceil(printed.total / printed.epochs)
    last = printed.entries[-1] if printed.entries else None
    ended = last is not None and "train_runtime" in last.logs and last.epoch > 0
    if last is not None and ended and printed.bar is not None and printed.bar.step >= last.epoch:
        return printed.bar.step / last.epoch
    return None


def _by_count(entries: Sequence[Entry], steps_per_epoch: float | None) -> list[int]:
    """Train entries counted, each worth as many steps as the epochs say; others belong to the one before."""
    gap = _gap([entry.epoch for entry in entries if entry.is_train])
    stride = max(1, round(gap * steps_per_epoch)) if steps_per_epoch and gap > 0 else 1
    steps, count, before = [], 0, math.nan
    for entry in entries:
        if entry.is_train:
            # A resume: it goes on where the epoch says.
            count = max(1, round(entry.epoch / gap)) if gap > 0 and entry.epoch < before else count + 1
            before = entry.epoch
        steps.append(_whole(entry, count, stride, steps_per_epoch))
    return steps


def _gap(epochs: Sequence[float]) -> float:
    """Epochs from one train entry to the next, over the longest stretch without a resume; NaN when not known."""
    starts = [0, *(i + 1 for i, (a, b) in enumerate(pairwise(epochs)) if b < a), len(epochs)]
    start, end = max(pairwise(starts), key=lambda part: part[1] - part[0])
    if end - start < 2 or not epochs[end - 1] > epochs[start]:
        return math.nan
    return (epochs[end - 1] - epochs[start]) / (end - 1 - start)


def _whole(entry: Entry, count: int, stride: int, steps_per_epoch: float | None) -> int:
    """The count is exact where it agrees with the epoch, which is rounded; evaluations may lie between the counts."""
    counted = count * stride
    if not steps_per_epoch or not entry.epoch > 0:
        return counted
    placed = round(entry.epoch * steps_per_epoch)
    return counted if abs(placed - counted) <= 1 + EPOCH_TOLERANCE * counted else placed
