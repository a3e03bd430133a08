"""LitGPT's log: `Epoch 1 | iter 2 step 1 | loss train: 1.660, val: n/a | iter time: 548.72 ms (step)`.

An iteration is a micro-batch; a step has several, and the last line of it counts. The held-out loss is repeated on
every line until there is another one.
"""

from __future__ import annotations

import re
from pathlib import Path

from runner.foreign.line_log import NUMBER, LineLog, as_number, find_log
from runner.foreign.logbook import Events

_LINE = re.compile(
    rf"Epoch (\d{{1,9}}) \| iter (\d{{1,15}}) step (\d{{1,15}}) \| loss train: ({NUMBER}),?\s+val: (n/a|{NUMBER})"
)


class LitGptLog(LineLog):
    """Follows LitGPT's output."""

    kind = "LitGPT log"
    sign = _LINE

    def begin(self) -> None:
        super().begin()
        self._val = "n/a"
        self.book.facts.counts_epochs = True

    def read(self, line: str) -> None:
        if (match := _LINE.search(line)) is None:
            return
        logs = {"loss": as_number(match[4]), "epoch": float(match[1])}
        if match[5] not in ("n/a", self._val):
            logs["eval_loss"] = as_number(match[5])
        self._val = match[5]
        self.book.add(int(match[3]), logs)

    def take_events(self) -> Events:
        return self.book.take_flushed()


def find(path: Path) -> LitGptLog | None:
    return find_log(path, LitGptLog)
