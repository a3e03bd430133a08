"""The log of a training loop that is no known trainer's: its lines say a step and a loss in their own words."""

from __future__ import annotations

import re
from pathlib import Path

from runner.foreign.line_log import LineLog, find_log
from runner.foreign.loop_line import LoopLine, read_line


class LoopLog(LineLog):
    """Follows such a log. What is said of an epoch alone is placed at the last step, its mean train loss only where
    nothing is printed within the epoch.
    """

    kind = "training loop's log"
    sign = re.compile("loss", re.IGNORECASE)

    @classmethod
    def is_sign(cls, line: str) -> bool:
        return read_line(line) is not None

    def begin(self) -> None:
        super().begin()
        self._step: int | None = None
        self._first_epoch: int | None = None
        # Steps are printed, not only iterations, some of which make a step.
        self._has_steps = False
        self._has_places = False
        self._epoch: int | None = None
        # Where counts begin anew with an epoch and do not say of how many: what was made before, and the epoch's own.
        self._made = 0
        self._counts: list[int] = []
        self.book.facts.counts_epochs = True

    def read(self, line: str) -> None:
        if (found := read_line(line)) is None:
            return
        step = self._place(found)
        if step is None:
            return
        logs = dict(found.values)
        if found.epoch is not None:
            logs.setdefault("epoch", float(found.epoch))
        if self._has_places and found.step is None and found.iteration is None:
            logs.pop("loss", None)
        self._step = step
        self.book.add(step, logs)

    def _place(self, found: LoopLine) -> int | None:
        facts = self.book.facts
        self._has_steps = self._has_steps or found.step is not None
        if found.step is None and found.iteration is None:
            if self._has_places:
                return self._step
            facts.set_total(found.of_epochs)
            return found.epoch
        self._has_places = True
        if found.step is None and self._has_steps:
            return self._step
        count = found.step if found.step is not None else found.iteration
        if found.epoch is None or found.of is None:
            facts.set_total(found.of)
            return self._counted(found.epoch, count or 0)
        return self._within_epoch(found, count or 0, found.of)

    def _counted(self, epoch: int | None, count: int) -> int:
        """The step of a count, which may begin anew with a later epoch; with an earlier one it is another run."""
        if self._counts and epoch is not None and self._epoch is not None and count <= self._counts[-1]:
            if epoch > self._epoch:
                first, last = self._counts[0], self._counts[-1]
                self._made += last - first + (self._counts[1] - first if len(self._counts) > 1 else 1)
                self._counts = []
            elif epoch < self._epoch:
                self._made, self._counts = 0, []
        if epoch is not None:
            self._epoch = epoch
        # The first two and the last say how far they go and how far apart they are.
        self._counts = [*self._counts[:2], count]
        return self._made + count

    def _within_epoch(self, found: LoopLine, count: int, of: int) -> int:
        """The step of one that is counted anew in each epoch, which are counted from 1 where it is said of how many."""
        epoch = found.epoch or 0
        if self._first_epoch is None:
            self._first_epoch = 1 if found.of_epochs and epoch else 0
        if found.of_epochs:
            self.book.facts.set_total(found.of_epochs * of)
        return max(0, epoch - self._first_epoch) * of + count


def find(path: Path) -> LoopLog | None:
    """Told by whole lines: a half one of another trainer may look like one of these."""
    return find_log(path, LoopLog, by_whole_lines=True)
