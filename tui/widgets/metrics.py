"""Learning rate, gradient norm, speed, memory, the GPU's health: each with a sparkline."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from rich.text import Text
from textual.reactive import var

from runner.insight.figures import gib, number
from runner.insight.task import main_metrics
from runner.insight.train_curve import STEP_COLUMNS, Column, StepColumn, TrainCurve
from tui.charts.view import amount
from tui.colours import BAD, LIVE
from tui.glyphs import glyphs, plain
from tui.models.run_view import RunView, decimal
from tui.widgets.lines import Drawing
from tui.widgets.sparkline import sparkline

LABEL_WIDTH = 6
LEAST_CELL = 24
MOST_SPARK = 16
# The sparklines show the recent past: over a whole run a falling curve would draw flat.
WINDOW = 400
SHORT_SCREEN = 32
# As the figures of other kinds of runs are labelled here.
SHORT = {"KL": "KL", "entropy": "entr", "length": "len"}


@dataclass(frozen=True)
class Figure:
    """A label, its recent values and the newest in words; `lost` colours it as trouble."""

    label: str
    values: Sequence[float] | Column
    value: str
    lost: bool = False


class Metrics(Drawing):
    """Figures of label, sparkline and value, as many beside each other as fit."""

    view: var[RunView | None] = var(None)

    def watch_view(self, old: RunView | None, view: RunView | None) -> None:
        if old is not None and view is not None and old.id == view.id:
            self.draw_soon()
        else:
            self.draw()

    def lines(self, width: int, height: int) -> Sequence[Text]:
        if self.view is None or not width:
            return []
        # Where the screen is short the GPU's figures are at its top already.
        short = self.app.size.height < SHORT_SCREEN and not self.screen.has_class("-zoomed")
        return metric_lines(figures(self.view)[: 4 if short else None], width)


def metric_lines(cells: Sequence[Figure], width: int) -> list[Text]:
    """The figures in as many lines as they need."""
    columns = max(1, min(len(cells), width // (LEAST_CELL + 8)))
    if width < 2 * (LEAST_CELL + 8):
        columns = max(1, width // LEAST_CELL)
    lines = []
    for start in range(0, len(cells), columns):
        line = Text()
        for cell in cells[start : start + columns]:
            line.append_text(_cell(cell, width // columns))
        lines.append(line)
    return lines


def figures(view: RunView) -> list[Figure]:
    """Every figure of a run that is known."""
    train = view.curves.train
    recent = train.part(slice(-WINDOW, None))
    with np.errstate(all="ignore"):
        rates = np.where(recent.seconds > 0, recent.tokens / recent.seconds, math.nan)
    first, *others = (_known(column, recent, train) for column in STEP_COLUMNS if _is_always(column))
    found = [
        first,
        *_watched(view),
        *others,
        Figure("tok/s", rates, amount(float(rates[-1])))
        if np.isfinite(train.tokens).any()
        else Figure("tok/s", (), glyphs().dash),
        memory(view),
    ]
    found += [
        _known(column, recent, train)
        for column in STEP_COLUMNS
        if column.shown is not None
        and not column.shown.always
        and np.isfinite(getattr(recent, column.name)).any()
    ]
    for label, name, form in (
        ("util", "utilisation_percent", "{:.0f} %"),
        ("power", "power_w", "{:.0f} W"),
        ("temp", "temperature_c", "{:.0f} " + glyphs().degree),
    ):
        values = view.series.get(name, ())
        if any(math.isfinite(value) for value in values):
            found.append(_of(label, values, form.format))
    return found


def _watched(view: RunView) -> list[Figure]:
    """Distance to the reference model, entropy and length of completions, of runs that are judged by a reward."""
    return [
        _of(SHORT[label], view.curves.metrics[name].value[-WINDOW:], number)
        for label, name in main_metrics(view.curves)
        if label in SHORT
    ]


def _is_always(column: StepColumn) -> bool:
    return column.shown is not None and column.shown.always


def _known(column: StepColumn, recent: TrainCurve, whole: TrainCurve) -> Figure:
    """A figure that a log of another trainer may lack: that is not the same as not being a number."""
    assert column.shown is not None
    is_known = np.isfinite(getattr(whole, column.name)).any()
    return _of(column.shown.label, getattr(recent, column.name) if is_known else (), column.shown.words)


def _of(label: str, values: Sequence[float] | Column, words: Callable[[float], str]) -> Figure:
    if not len(values):
        return Figure(label, values, glyphs().dash)
    newest = float(values[-1])
    return Figure(label, values, words(newest) if math.isfinite(newest) else glyphs().not_finite)


def memory(view: RunView) -> Figure:
    """VRAM of this run, of others, and what is free; the process's RAM on the CPU. Where the driver hides processes it
    is not known what is others'.
    """
    gpu = view.system.get("gpu")
    if not isinstance(gpu, dict):
        rss = decimal(view.system.get("trainer_rss_mib"))
        return Figure("RAM", view.series.get("rss_mib", ()), _gib(rss))
    values = view.series.get("own_mib", ())
    if gpu.get("problem"):
        return Figure("VRAM", values, "GPU lost", lost=True)
    own, used, free = (decimal(gpu.get(name)) for name in ("own_mib", "used_mib", "free_mib"))
    left = f", {gib(free)} free" if free is not None else ""
    if used is None:
        return Figure("VRAM", values, _gib(own))
    if own is None:
        return Figure("VRAM", view.series.get("used_mib", ()), f"{_gib(used)}{left}, of whom is not known")
    others = max(0.0, used - own)
    whose = "host and others" if gpu.get("shares_ram") is True else "others"
    more = f" +{gib(others)} {whose}" if others >= 100 else ""
    return Figure("VRAM", values, _gib(own) + more + left)


def _gib(mib: float | None) -> str:
    return glyphs().dash if mib is None else f"{gib(mib)} GiB"


def _cell(cell: Figure, width: int) -> Text:
    value = plain(cell.value)
    spark = max(0, min(MOST_SPARK, width - LABEL_WIDTH - len(value) - 3))
    text = Text().append(cell.label.ljust(LABEL_WIDTH), "dim")
    text.append(sparkline(cell.values, spark).ljust(spark), LIVE)
    text.append(f" {value}", BAD if cell.lost else "")
    text.truncate(width - 1)
    return text.append(" " * max(0, width - text.cell_len))
