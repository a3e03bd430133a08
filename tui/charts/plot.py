"""Charts of losses as text: pure functions from curves to styled rows of characters.

Train loss is drawn in braille dots, two by four to a character; evaluations, epochs and labels are whole characters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rich.text import Text

from runner.insight.reduction import Bucket
from tui.charts.canvas import Canvas, LossScale
from tui.colours import BAD, FAINT, GOOD, LIVE, NOTE, PROBE, QUIET, SETS
from tui.glyphs import glyphs, plain

LABEL_WIDTH = 7
MOST_EPOCH_MARKS = 12


@dataclass(frozen=True)
class Point:
    """An evaluation: its place on the x axis and its loss in nats a token, or what else the chart measures."""

    x: float
    loss: float


@dataclass(frozen=True)
class Mark:
    """Something to point at, drawn at the lower edge."""

    x: float
    style: str


@dataclass(frozen=True)
class Palette:
    """Styles of the parts of a chart, as rich style strings."""

    raw: str = FAINT
    smooth: str = LIVE
    val: str = f"bold {NOTE}"
    probe: str = PROBE
    others: tuple[str, ...] = SETS
    best: str = f"bold {GOOD}"
    bad: str = f"bold {BAD}"
    axis: str = QUIET
    epoch: str = FAINT
    cursor: str = QUIET


@dataclass(frozen=True)
class Line:
    """The curves of one run; `best` is the place of its best evaluation, `others` are further held-out sets. Without
    `raw` only the smoothed loss shows.
    """

    train: Sequence[Bucket] = ()
    val: Sequence[Point] = ()
    probe: Sequence[Point] = ()
    best: float | None = None
    raw: bool = True
    palette: Palette = field(default_factory=Palette)
    others: Sequence[Sequence[Point]] = ()


def plain_number(value: float) -> str:
    return f"{value:,.0f}"


@dataclass(frozen=True)
class Chart:
    """What is drawn, from `low` to `high` on the x axis. `log` chooses the y axis, None leaves it to the values; `name`
    is what the y axis measures, '' for the loss.
    """

    lines: Sequence[Line] = ()
    low: float = 0.0
    high: float = 1.0
    epochs: Sequence[float] = ()
    marks: Sequence[Mark] = ()
    cursor: float | None = None
    log: bool | None = None
    unit: str = "step"
    words: Callable[[float], str] = plain_number
    name: str = ""


def columns(width: int) -> int:
    """How many dots a chart of this width is wide: how finely the curve has to be reduced."""
    return max(2, 2 * (width - LABEL_WIDTH))


def draw(chart: Chart, width: int, height: int) -> list[Text]:
    """A chart of `width` × `height` characters, axis and labels included; a note when there is nothing to draw."""
    palette = chart.lines[0].palette if chart.lines else Palette()
    values = [value for line in chart.lines for value in _values(line)]
    if not values or width < LABEL_WIDTH + 8 or height < 3:
        known = any(line.train or line.val for line in chart.lines)
        what = chart.name or "loss"
        note = "too small to draw" if values else f"no finite {what} yet" if known else "no steps yet"
        return [
            Text(note.center(width)[:width], palette.axis) if i == height // 2 else Text("")
            for i in range(height)
        ]
    canvas = Canvas(width - LABEL_WIDTH, height - 1)
    scale = LossScale(values, 4 * canvas.height, chart.log)
    place = _Axis(chart.low, chart.high, 2 * canvas.width)
    if len(chart.epochs) <= MOST_EPOCH_MARKS:
        for x in chart.epochs:
            _vertical(canvas, place(x), glyphs().epoch_mark, palette.epoch)
    for line in chart.lines:
        _train(canvas, line, scale, place)
    for line in chart.lines:
        _evaluations(canvas, line, scale, place)
    for mark in chart.marks:
        canvas.mark(place(mark.x), 4 * canvas.height - 1, glyphs().up, mark.style)
    if chart.cursor is not None:
        _vertical(canvas, place(chart.cursor), "|" if glyphs().ascii else "│", palette.cursor, behind=True)
    rows = [_label(scale, y, canvas.height, palette).append_text(canvas.row(y)) for y in range(canvas.height)]
    return [*rows, _axis(chart, canvas.width, scale.is_log, palette)]


class _Axis:
    """Places on the x axis to columns of dots, clipped to the chart."""

    def __init__(self, low: float, high: float, dots: int) -> None:
        self._low, self._extent, self._dots = low, (high - low) or 1.0, dots

    def __call__(self, x: float) -> int:
        share = (x - self._low) / self._extent
        return max(0, min(self._dots - 1, int(share * self._dots))) if math.isfinite(share) else 0


def _values(line: Line) -> list[float]:
    evaluated = [p.loss for points in (line.val, line.probe, *line.others) for p in points]
    values = [b.smooth for b in line.train] + evaluated
    finite = sorted(value for value in values if math.isfinite(value))
    # Raw extremes widen the scale only as far as most of them reach: one spike must not flatten the curve.
    highs = sorted(b.high for b in line.train if math.isfinite(b.high)) if line.raw else []
    lows = sorted(b.low for b in line.train if math.isfinite(b.low)) if line.raw else []
    return finite + highs[: len(highs) * 98 // 100] + lows[len(lows) // 50 :]


def _vertical(canvas: Canvas, x: int, glyph: str, style: str, behind: bool = False) -> None:
    for y in range(canvas.height):
        cell = (x // 2, y)
        if not behind or (cell not in canvas.marks and cell not in canvas.dots):
            canvas.mark(x, 4 * y, glyph, style)


def _train(canvas: Canvas, line: Line, scale: LossScale, place: _Axis) -> None:
    colours = line.palette
    for bucket in line.train if line.raw else ():
        if math.isfinite(bucket.low):
            canvas.column(place(bucket.x), scale.row(bucket.high), scale.row(bucket.low), colours.raw)
    previous: tuple[int, int] | None = None
    for bucket in line.train:
        if math.isfinite(bucket.smooth):
            here = (place(bucket.x), scale.row(bucket.smooth))
            canvas.line(previous or here, here, colours.smooth)
            previous = here
    for bucket in line.train:
        if bucket.bad:
            canvas.mark(place(bucket.x), 0, glyphs().not_finite, colours.bad)


def _evaluations(canvas: Canvas, line: Line, scale: LossScale, place: _Axis) -> None:
    marks, colours = glyphs(), line.palette
    for points, glyph, style in (
        *zip(line.others, marks.set_points, colours.others, strict=False),
        (line.probe, marks.probe_point, colours.probe),
        (line.val, marks.eval_point, colours.val),
    ):
        for point in points:
            x = place(point.x)
            if not math.isfinite(point.loss):
                canvas.mark(x, 0, marks.not_finite, colours.bad)
            elif points is line.val and point.x == line.best:
                canvas.mark(x, scale.row(point.loss), marks.best_point, colours.best)
            else:
                canvas.mark(x, scale.row(point.loss), glyph, style)


def _label(scale: LossScale, y: int, height: int, colours: Palette) -> Text:
    every = max(1, (height - 1) // 4)
    edge = "|" if glyphs().ascii else "│"
    tick = "+" if glyphs().ascii else "┤"
    if y % every and y != height - 1:
        return Text(" " * (LABEL_WIDTH - 1) + edge, colours.axis)
    value = scale.value(4 * y + 2)
    small = scale.is_log and value < 1e-3
    label = (
        f"{value:.0e}"
        if small
        else f"{value:.3f}"
        if abs(value) < 10
        else f"{value:.1f}"
        if abs(value) < 1000
        else f"{value:.0e}"
    )
    return Text(label[: LABEL_WIDTH - 1].rjust(LABEL_WIDTH - 1) + tick, colours.axis)


def _axis(chart: Chart, width: int, is_log: bool, colours: Palette) -> Text:
    right = f"{chart.unit} {chart.words(chart.high)}"
    parts = [
        chart.words(chart.low) if chart.low else "",
        plain(chart.name)[: max(0, width - len(right) - 12)],
        "log scale" if is_log else "",
    ]
    left = " ".join(part for part in parts if part)
    middle = width - len(left) - len(right)
    text = Text(" " * LABEL_WIDTH + left + " " * max(1, middle) + right, colours.axis)
    text.truncate(LABEL_WIDTH + width)
    return text
