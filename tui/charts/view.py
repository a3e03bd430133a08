"""From the curves of a run to what a chart draws of them: axis, zoom, smoothing, and reading a place."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from runner.insight.curves import Curves, EvalPoint
from runner.insight.diagnosis import Severity, Verdict
from runner.insight.drawn import Drawn, drawn
from runner.insight.figures import loss, number
from runner.insight.reduction import SMOOTHING_SPAN, even_edges, reduce
from runner.insight.train_curve import STEP_COLUMNS, Column
from tui.charts.canvas import round_end
from tui.charts.plot import Chart, Line, Mark, Palette, Point, columns, plain_number
from tui.colours import BAD, NOTE
from tui.models.run_view import age


class Axis(StrEnum):
    """What the x axis counts."""

    STEP = "step"
    EPOCH = "epoch"
    TOKENS = "tokens"
    TIME = "time"


SMOOTHINGS = ((SMOOTHING_SPAN, "smoothed"), (0.08, "smoothed more"), (0.0, "not smoothed"))
ZOOMS = (1.0, 0.5, 0.2, 0.05)
SCALES = ((None, "y as it fits"), (False, "linear y"), (True, "logarithmic y"))


@dataclass(frozen=True)
class ChartMode:
    """How the chart is to be seen; the numbers are places in the lists above. `cursor` is a column of dots."""

    axis: Axis = Axis.STEP
    smoothing: int = 0
    zoom: int = 0
    scale: int = 0
    cursor: int | None = None

    @property
    def span(self) -> float:
        return SMOOTHINGS[self.smoothing][0]

    @property
    def log(self) -> bool | None:
        return SCALES[self.scale][0]

    def words(self) -> str:
        """'x tokens · smoothed more · last 20 %'; only what differs from the usual."""
        parts = []
        if self.axis is not Axis.STEP:
            parts.append(f"x {self.axis.value}")
        if self.smoothing:
            parts.append(SMOOTHINGS[self.smoothing][1])
        if self.scale:
            parts.append(SCALES[self.scale][1])
        if self.zoom:
            parts.append(f"last {100 * ZOOMS[self.zoom]:.0f} %")
        return " · ".join(parts)

    def next_axis(self) -> ChartMode:
        axes = list(Axis)
        return replace(self, axis=axes[(axes.index(self.axis) + 1) % len(axes)])

    def next_smoothing(self) -> ChartMode:
        return replace(self, smoothing=(self.smoothing + 1) % len(SMOOTHINGS))

    def next_zoom(self) -> ChartMode:
        return replace(self, zoom=(self.zoom + 1) % len(ZOOMS))

    def next_scale(self) -> ChartMode:
        return replace(self, scale=(self.scale + 1) % len(SCALES))

    def moved(self, by: int, dots: int, newest: int) -> ChartMode:
        """The cursor so many columns further; it begins at the newest entry's column."""
        here = newest if self.cursor is None else self.cursor
        return replace(self, cursor=max(0, min(dots - 1, here + by)))


def axis_values(curves: Curves, axis: Axis) -> Column:
    """Where each entry of the train curve lies on an axis, shape (n,), rising; steps where the log does not say."""
    train = curves.train
    if axis is Axis.EPOCH:
        values = train.epoch
    elif axis is Axis.TOKENS:
        values = (
            np.cumsum(np.nan_to_num(train.tokens)) if np.isfinite(train.tokens[-1:]).any() else train.tokens
        )
    elif axis is Axis.TIME:
        values = train.time - train.time[0] if len(train) else train.time
    else:
        return train.step
    if len(values) and not np.isfinite(values).all():
        return train.step
    # After a resume the clock jumps, and a log of another trainer may hold anything: an axis never runs backwards.
    return np.maximum.accumulate(values)


def places(curves: Curves, x: Column, steps: Sequence[float]) -> list[float]:
    """Where steps lie on the axis `x` (axis_values); between and before entries in proportion."""
    train = curves.train
    if x is train.step or not len(train):
        return list(steps)
    first = float(x[0]) - (float(x[0]) / float(train.step[0]) if train.step[0] else 0.0)
    return [float(v) for v in np.interp(steps, [0.0, *train.step], [max(0.0, first), *x])]


def chart_of(curves: Curves, verdict: Verdict | None, mode: ChartMode, width: int) -> Chart:
    """The chart of one run, for so many characters."""
    x = axis_values(curves, mode.axis)
    dots = columns(width)
    low, high = window(curves, x, mode)
    what = drawn(curves)
    line = line_of(curves, what, x, mode, (low, high), dots)
    warned = [f for f in verdict.findings if f.severity >= Severity.WARNING] if verdict else []
    spiked = [f for f in verdict.findings if f.id == "spike"] if verdict else []
    marks = [Mark(at, BAD) for at in places(curves, x, [f.since_step for f in warned])]
    marks += [Mark(at, NOTE) for f in spiked for at in places(curves, x, list(f.steps))]
    cursor = None if mode.cursor is None else low + (high - low) * (mode.cursor + 0.5) / dots
    return Chart(
        lines=(line,),
        low=low,
        high=high,
        epochs=[at for at in _epochs(curves, x) if low < at < high],
        marks=[mark for mark in marks if low <= mark.x <= high],
        cursor=cursor,
        # A logarithm is for losses; a reward may be negative, and its last gains count as much as its first.
        log=mode.log if mode.log is not None or not what.name else False,
        unit=_unit(curves, mode.axis, x),
        words=axis_words(mode.axis if x is not curves.train.step else Axis.STEP),
        name=what.name,
    )


def window(curves: Curves, x: Column, mode: ChartMode) -> tuple[float, float]:
    """The stretch of the axis that is shown."""
    last = max(float(x[-1]) if len(x) else 0.0, places(curves, x, [drawn(curves).last_step])[0])
    limit = float(curves.total_steps) if curves.total_steps and x is curves.train.step else None
    if curves.is_over:
        limit = None
    high = last if curves.is_over else round_end(last, limit)
    high = high or limit or 1.0
    return (0.0 if not mode.zoom else max(0.0, last - ZOOMS[mode.zoom] * last)), (
        high if not mode.zoom else last
    )


def newest_column(curves: Curves, mode: ChartMode, dots: int) -> int:
    """The column of dots in which the last entry of the train curve lies."""
    x = axis_values(curves, mode.axis)
    low, high = window(curves, x, mode)
    if not len(x) or high <= low:
        return dots - 1
    return max(0, min(dots - 1, int((float(x[-1]) - low) / (high - low) * dots)))


def line_of(
    curves: Curves,
    what: Drawn,
    x: Column,
    mode: ChartMode,
    between: tuple[float, float],
    dots: int,
    palette: Palette | None = None,
) -> Line:
    """The curves of one run between two places of its axis, reduced to so many columns of dots."""
    low, high = between
    own = x if what.step is curves.train.step else np.asarray(places(curves, x, list(what.step)))
    buckets = reduce(own, what.value, even_edges(low, high, dots), mode.span, what.step)
    val, probe, *others = (
        _points(curves, x, points, between) for points in (what.main, what.probe, *what.others)
    )
    at = places(curves, x, [what.best.step])[0] if what.best is not None else None
    return Line(buckets, val, probe, at, True, palette or Palette(), others)


def named_sets(what: Drawn) -> list[tuple[str, Sequence[EvalPoint]]]:
    """The held-out sets as a legend names them: the only one is "held-out"."""
    return [("held-out" if len(what.sets) == 1 else name, points) for name, points in what.sets.items()]


def _points(
    curves: Curves, x: Column, points: Sequence[EvalPoint], between: tuple[float, float]
) -> list[Point]:
    at = places(curves, x, [point.step for point in points])
    return [
        Point(place, point.loss)
        for place, point in zip(at, points, strict=True)
        if between[0] <= place <= between[1]
    ]


def _epochs(curves: Curves, x: Column) -> list[float]:
    size = curves.steps_per_epoch
    if not size or curves.step / size > 50:
        return []
    return places(curves, x, [float(step) for step in range(size, curves.step, size)])


def _unit(curves: Curves, axis: Axis, x: Column) -> str:
    return "step" if x is curves.train.step else axis.value


def axis_words(axis: Axis) -> Callable[[float], str]:
    """How places on an axis are written."""
    if axis is Axis.EPOCH:
        return lambda value: f"{value:.2f}"
    if axis is Axis.TIME:
        return age
    if axis is Axis.TOKENS:
        return amount
    return plain_number


def amount(value: float) -> str:
    """'950', '12.3k', '1.2M', '3.4G'; '×' for what is no number."""
    if not math.isfinite(value):
        return "×"
    for limit, divisor, letter in ((1e3, 1.0, ""), (1e6, 1e3, "k"), (1e9, 1e6, "M")):
        if abs(value) < limit:
            return f"{value / divisor:.{0 if not letter else 1}f}{letter}"
    return f"{value / 1e9:.1f}G"


def reading(curves: Curves, mode: ChartMode, width: int) -> str:
    """What the curves say at the cursor, as much as fits: 'step 412 · loss 1.214 · held-out 1.402 @400'."""
    train = curves.train
    if mode.cursor is None or not len(train):
        return ""
    x = axis_values(curves, mode.axis)
    low, high = window(curves, x, mode)
    dots = columns(width)
    end = low + (high - low) * (mode.cursor + 1) / dots
    at = max(0, int(np.searchsorted(x, end, side="right")) - 1)
    step = int(train.step[at])
    what = drawn(curves)
    parts = [f"step {step:,}"]
    if what.name and (before := int(np.searchsorted(what.step, step, side="right"))):
        parts.append(f"{what.name} {number(what.value[before - 1])}")
    parts.append(f"loss {loss(train.loss[at])}")
    for column in STEP_COLUMNS:
        value = float(getattr(train, column.name)[at])
        if column.shown is not None and column.shown.always and math.isfinite(value):
            parts.append(f"{column.shown.label} {column.shown.words(value)}")
    for name, points in (*named_sets(what), ("training rows", what.probe)):
        seen = [point for point in points if point.step <= step]
        if seen:
            parts.append(f"{name} {loss(seen[-1].loss)} @{seen[-1].step}")
    # A number cut in two would be another number.
    while len(parts) > 1 and len(" · ".join(parts)) > width:
        parts.pop()
    return " · ".join(parts)
