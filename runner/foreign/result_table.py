"""The table a Trainer shows in a notebook: Step, Training Loss, Validation Loss and whatever else was measured.

It is found as text that was pasted, with tabs or bars between the cells, in a model card for instance; notebook.py and
notebook.py find it in its own form.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from runner.foreign.line_log import LineLog, find_log
from runner.foreign.logbook import Events, Logbook
from runner.foreign.names import known, plain
from runner.foreign.values import number

# [ 22/290 02:50 < 38:04, 0.12 it/s, Epoch 0.36/5], and [290/290 05:58, Epoch 5/5] at the end.
_PROGRESS = re.compile(r"\[\s*(\d{1,15})/(\d{1,15}) [\d:]+[^\]]*?Epoch [\d.]+/([\d.]+)\]")
_TOTAL = re.compile(r"Total (?:optimization )?steps\s*=\s*(\d[\d,]{,17})")
_EPOCHS = re.compile(r"(?:Num Epochs\s*=|num_epochs:)\s*(\d[\d,]{,17})")
_END = re.compile(r"TrainOutput\(global_step=|'train_runtime'")
_GAPS = re.compile(r"\s*\|\s*|\t+| {2,}")


class ResultTable:
    """Takes rows of cells in, the first of them the heads, and tells them to a logbook."""

    def __init__(self, book: Logbook) -> None:
        self._book = book
        self._heads: list[str] = []
        self._count = 0
        # What stands around it says that the training is over; rows may still follow.
        self.is_over = False

    def take(self, cells: Sequence[str]) -> bool:
        """Whether these are the heads, or a row below them."""
        if is_head(cells):
            self._heads = _heads(cells)
            return True
        if not self._heads or len(cells) != len(self._heads):
            return False
        values = {
            head: found
            for head, cell in zip(self._heads, cells, strict=True)
            if (found := _cell(cell)) is not None
        }
        step = self._step(values)
        if step is not None:
            self._book.add(step, values)
        return step is not None

    def _step(self, values: dict[str, float]) -> int | None:
        if "step" in values:
            return int(values["step"])
        epoch = values.get("epoch")
        if epoch is None:
            return None
        self._count += 1
        facts = self._book.facts
        total, epochs = facts.total_steps, facts.epochs
        # Without a step it is an epoch a row, and the bar above says how many steps those are.
        return round(epoch * total / epochs) if total and epochs else self._count

    def see(self, text: str) -> None:
        """What stands around a table: how long the training is, and that it is over."""
        facts = self._book.facts
        for match in _PROGRESS.finditer(text):
            facts.set_total(int(match[2]))
            facts.set_epochs(number(match[3]))
            if match[1] == match[2]:
                self.is_over = True
        if (total := _TOTAL.search(text)) is not None:
            facts.set_total(int(total[1].replace(",", "")))
        if (epochs := _EPOCHS.search(text)) is not None:
            facts.set_epochs(int(epochs[1].replace(",", "")))
        if _END.search(text):
            self.is_over = True


def is_head(cells: Sequence[str]) -> bool:
    """Whether these are the heads of a Trainer's table."""
    names = {plain(cell) for cell in cells}
    return bool(names & {"step", "epoch"}) and bool(names & {"training_loss", "validation_loss"})


def _heads(cells: Sequence[str]) -> list[str]:
    """The names of the columns: beside a validation loss the others are measured in evaluations."""
    names = [known(cell) for cell in cells]
    if "eval_loss" not in names:
        return names
    fixed = {"step", "epoch", "loss", "eval_loss"}
    return [name if name in fixed or name.startswith("eval_") else f"eval_{name}" for name in names]


def _cell(text: str) -> float | None:
    """A cell as a number; None for 'No log' and what else is none."""
    return number(text.strip().replace(",", ""))


def split(line: str) -> list[str]:
    """The cells of a line of text."""
    return [cell.strip() for cell in _GAPS.split(line.strip().strip("|").strip())]


class TextTable(LineLog):
    """Follows a text with such a table in it."""

    kind = "results table"
    is_of_trainer = True
    has_closed_lines = True
    sign = re.compile(r"(?:Training|Validation) Loss", re.IGNORECASE)

    @classmethod
    def is_sign(cls, line: str) -> bool:
        return is_head(split(line))

    def begin(self) -> None:
        super().begin()
        self._table = ResultTable(self.book)

    def take(self, lines: list[bytes]) -> None:
        super().take(lines)
        if self._table.is_over and not lines and self._was_left():
            self.book.is_complete = True

    def finish(self) -> Events:
        events = super().finish()
        self.book.is_complete = self.book.is_complete or self._table.is_over
        return [*events, *self.book.take()]

    def read(self, line: str) -> None:
        if not self._table.take(split(line)):
            self._table.see(line)


def find(path: Path) -> TextTable | None:
    return find_log(path, TextTable)
