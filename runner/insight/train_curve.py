"""What is logged of every optimizer step: each column is declared once here, as a field of TrainCurve.

Reading events, reading foreign logs, writing them while training and showing them on the screen all derive from that
declaration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

FEWEST_ROWS = 1024


@dataclass(frozen=True)
class Shown:
    """How a column is shown beside the curves: `label`, and the newest value times `scale` through `form`. One that is
    `always` there is shown as unknown where a log does not have it.
    """

    label: str
    form: str
    scale: float = 1.0
    always: bool = False

    def words(self, value: float) -> str:
        return self.form.format(value * self.scale)


@dataclass(frozen=True)
class StepColumn:
    """One number of every step: its `name` in TrainCurve and its `key` in a step event; 64-bit floats, NaN for unknown.

    `logged_as` are its names in the logs of a Hugging Face Trainer, the first that is there counts; without any it is
    measured or computed. Of such a value `digits` decimals are kept in the event, None for all.
    """

    name: str
    key: str
    logged_as: tuple[str, ...] = ()
    digits: int | None = None
    shown: Shown | None = None

    def in_logs(self, logs: Mapping[str, Any]) -> float:
        """Its value in a Trainer's log, NaN when it is not there. TypeError or ValueError for what is no number."""
        return next((float(logs[name]) for name in self.logged_as if name in logs), np.nan)


def _empty() -> Column:
    return np.empty(0)


def _declared(
    key: str, *logged_as: str, digits: int | None = None, shown: Shown | None = None
) -> dict[str, Any]:
    return {"key": key, "logged_as": logged_as, "digits": digits, "shown": shown}


@dataclass(frozen=True, eq=False)
class TrainCurve:
    """One entry per logged optimizer step, all columns of shape (n,), steps strictly rising, NaN for what is unknown.

    loss is the loss of that step in nats a token (of the steps since the last entry, in logs of other trainers);
    grad_norm is before clipping; tokens are those of the step, padding excluded; seconds is the step's duration;
    accuracy is the share of trained tokens predicted right; time is when it was written, in seconds since the epoch.
    """

    step: Column = field(default_factory=_empty, metadata=_declared("step"))
    epoch: Column = field(default_factory=_empty, metadata=_declared("epoch"))
    loss: Column = field(default_factory=_empty, metadata=_declared("loss", "loss"))
    lr: Column = field(
        default_factory=_empty,
        metadata=_declared("lr", "learning_rate", shown=Shown("lr", "{:.1e}", always=True)),
    )
    grad_norm: Column = field(
        default_factory=_empty,
        metadata=_declared("grad_norm", "grad_norm", shown=Shown("grad", "{:.2f}", always=True)),
    )
    tokens: Column = field(default_factory=_empty, metadata=_declared("tokens"))
    seconds: Column = field(
        default_factory=_empty, metadata=_declared("step_s", shown=Shown("step", "{:.2f} s"))
    )
    accuracy: Column = field(
        default_factory=_empty,
        metadata=_declared(
            "accuracy",
            "mean_token_accuracy",
            "token_acc",
            digits=4,
            shown=Shown("token", "{:.0f} % right", 100),
        ),
    )
    time: Column = field(default_factory=_empty, metadata=_declared("t"))

    def __len__(self) -> int:
        return len(self.step)

    @classmethod
    def of(cls, **columns: Sequence[float] | Column) -> TrainCurve:
        """A curve from any of its columns, the others NaN; `step` counts from 1 when it is not given."""
        n = max((len(values) for values in columns.values()), default=0)
        unknown = np.full(n, np.nan)
        full = {name: np.asarray(columns.get(name, unknown), dtype=float) for name in COLUMNS}
        if "step" not in columns:
            full["step"] = np.arange(1.0, n + 1)
        return cls(**full)

    def part(self, rows: slice) -> TrainCurve:
        """Some of its entries; nothing is copied."""
        return TrainCurve(*(getattr(self, name)[rows] for name in COLUMNS))


STEP_COLUMNS = tuple(StepColumn(one.name, **one.metadata) for one in fields(TrainCurve))
COLUMNS = tuple(one.name for one in STEP_COLUMNS)
# What every name of a step's own values in a Trainer's log is called here.
LOGGED_AS = {name: one.name for one in STEP_COLUMNS for name in one.logged_as}
BYTES_A_STEP = len(COLUMNS) * np.dtype(np.float64).itemsize


def logged(logs: Mapping[str, Any]) -> dict[str, float]:
    """What of a step event stands in a Trainer's log, by its key in the event, rounded; NaN for what is not there.
    TypeError or ValueError for what is no number.
    """
    values = {column: column.in_logs(logs) for column in STEP_COLUMNS if column.logged_as}
    return {
        column.key: value if column.digits is None else round(value, column.digits)
        for column, value in values.items()
    }


class StepTable:
    """The growing columns behind a TrainCurve.

    A curve taken from it is never changed by what comes later, although nothing is copied: rows are only added behind
    its end, and a step that comes again begins a new table where a curve was taken from this one.
    """

    def __init__(self, rows: Column | None = None, count: int = 0) -> None:
        """Empty, or rows of shape (columns, n) whose first `count` are known: it may write behind them."""
        self._rows = np.empty((len(COLUMNS), FEWEST_ROWS)) if rows is None else rows
        self._count = count
        self._is_shown = False

    def expect(self, rows: int) -> None:
        """Make room for so many rows at once; growing to a million by doubling touches every page twice."""
        if not self._count and rows > self._rows.shape[1]:
            self._rows = np.empty((len(COLUMNS), rows))

    def add(self, block: Column) -> None:
        """Take rows in; `block` has shape (columns, k), in the order of COLUMNS, its steps strictly rising. What was
        known from its first step on is forgotten.
        """
        count = block.shape[1]
        if not count:
            return
        kept = int(np.searchsorted(self._rows[0, : self._count], block[0, 0]))
        if (self._is_shown and kept < self._count) or kept + count > self._rows.shape[1]:
            size = max(
                self._rows.shape[1], 2 * self._rows.shape[1] if kept + count > self._rows.shape[1] else 0
            )
            rows = np.empty((len(COLUMNS), max(size, kept + count)))
            rows[:, :kept] = self._rows[:, :kept]
            self._rows, self._is_shown = rows, False
        self._rows[:, kept : kept + count] = block
        self._count = kept + count

    def cut(self, step: float) -> None:
        """Forget what came after a step. The rows stay where they are for a curve that was taken before."""
        kept = int(np.searchsorted(self._rows[0, : self._count], step, side="right"))
        if kept < self._count:
            if self._is_shown:
                self._rows, self._is_shown = self._rows[:, : self._count].copy(), False
            self._count = kept

    def copy_into(self, room: Column) -> int:
        """Copy what is known into the start of `room`; returns the number of rows. ValueError when it is too small."""
        room[:, : self._count] = self._rows[:, : self._count]
        return self._count

    def curve(self) -> TrainCurve:
        """What is known now."""
        self._is_shown = True
        rows = self._rows[:, : self._count]
        return TrainCurve(*rows)

    @property
    def last(self) -> float:
        """The last step; 0 before the first."""
        return float(self._rows[0, self._count - 1]) if self._count else 0.0
