"""The loss chart as text: pure functions from curves to styled rows of characters.

Train loss is drawn in braille dots, two by four to a character; evaluations, epochs and labels are whole characters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.text import Text

from runner.insight.curves import EvalPoint
from runner.insight.reduction import Bucket
from tui.colours import BAD, FAINT, GOOD, LIVE, NOTE, PROBE, QUIET
from tui.glyphs import glyphs

LABEL_WIDTH = 7
LOG_FROM_RATIO = 5.0
MOST_EPOCH_MARKS = 12
BRAILLE = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


@dataclass(frozen=True)
class Chart:
    """What is drawn. Steps are optimizer steps, losses nats a token; `best` is the step of the best evaluation."""

    train: Sequence[Bucket] = ()
    val: Sequence[EvalPoint] = ()
    probe: Sequence[EvalPoint] = ()
    best: int | None = None
    steps_per_epoch: int | None = None


@dataclass(frozen=True)
class Palette:
    """Styles of the parts of a chart, as rich style strings."""

    raw: str = FAINT
    smooth: str = LIVE
    val: str = f"bold {NOTE}"
    probe: str = PROBE
    best: str = f"bold {GOOD}"
    bad: str = f"bold {BAD}"
    axis: str = QUIET
    epoch: str = FAINT


@dataclass
class _Canvas:
    """Cells of `width` × `height`; dots are (2·width) × (4·height)."""

    width: int
    height: int
    dots: dict[tuple[int, int], int] = field(default_factory=dict)
    styles: dict[tuple[int, int], str] = field(default_factory=dict)
    marks: dict[tuple[int, int], tuple[str, str]] = field(default_factory=dict)

    def dot(self, x: int, y: int, style: str) -> None:
        cell = (x // 2, y // 4)
        self.dots[cell] = self.dots.get(cell, 0) | BRAILLE[y % 4][x % 2]
        self.styles[cell] = style

    def mark(self, x: int, y: int, glyph: str, style: str) -> None:
        self.marks[(x // 2, y // 4)] = (glyph, style)

    def row(self, y: int) -> Text:
        text = Text()
        for x in range(self.width):
            glyph, style = self._cell((x, y))
            text.append(glyph, style)
        return text

    def _cell(self, cell: tuple[int, int]) -> tuple[str, str]:
        if cell in self.marks:
            return self.marks[cell]
        if cell in self.dots:
            glyph = "." if glyphs().ascii else chr(0x2800 + self.dots[cell])
            return glyph, self.styles[cell]
        return " ", ""


class _Scale:
    """Losses to rows of dots: linear, or logarithmic when the greatest is five times the least."""

    def __init__(self, values: Sequence[float], dots: int) -> None:
        low, high = min(values), max(values)
        self.is_log = low > 0 and high / low > LOG_FROM_RATIO
        self._low, self._high = self._map(low), self._map(high)
        margin = 0.04 * (self._high - self._low) or abs(self._high) * 0.05 or 1.0
        self._low, self._high = self._low - margin, self._high + margin
        self._dots = dots

    def _map(self, value: float) -> float:
        return math.log(value) if self.is_log else value

    def row(self, value: float) -> int:
        """The dot row of a value, 0 at the top, clipped to the chart."""
        if self.is_log and value <= 0:
            return self._dots - 1
        share = (self._map(value) - self._low) / (self._high - self._low)
        return round((1 - max(0.0, min(1.0, share))) * (self._dots - 1))

    def value(self, row: int) -> float:
        mapped = self._high - (self._high - self._low) * row / max(1, self._dots - 1)
        return math.exp(mapped) if self.is_log else mapped


def draw(chart: Chart, width: int, height: int, palette: Palette | None = None) -> list[Text]:
    """A chart of `width` × `height` characters, axis and labels included; a note when there is nothing to draw."""
    colours = palette or Palette()
    values = _values(chart)
    if not values or width < LABEL_WIDTH + 8 or height < 3:
        note = "no steps yet" if not values else "too small to draw"
        return [
            Text(note.center(width)[:width], colours.axis) if i == height // 2 else Text("")
            for i in range(height)
        ]
    canvas = _Canvas(width - LABEL_WIDTH, height - 1)
    scale = _Scale(values, 4 * canvas.height)
    last = max(1.0, *(b.step for b in chart.train), *(float(p.step) for p in chart.val))
    _epochs(canvas, chart, last, colours)
    _train(canvas, chart, last, scale, colours)
    _evaluations(canvas, chart, last, scale, colours)
    rows = [_label(scale, y, canvas.height, colours).append_text(canvas.row(y)) for y in range(canvas.height)]
    return [*rows, _axis(canvas.width, last, scale.is_log, colours)]


def _values(chart: Chart) -> list[float]:
    values = [b.smooth for b in chart.train] + [p.loss for p in (*chart.val, *chart.probe)]
    finite = sorted(value for value in values if math.isfinite(value))
    # Raw extremes widen the scale only as far as most of them reach: one spike must not flatten the curve.
    highs = sorted(b.high for b in chart.train if math.isfinite(b.high))
    lows = [b.low for b in chart.train if math.isfinite(b.low)]
    return finite + highs[: max(1, len(highs) * 98 // 100)] + lows


def _x(step: float, last: float, canvas: _Canvas) -> int:
    return min(2 * canvas.width - 1, round(step / last * (2 * canvas.width - 1)))


def _epochs(canvas: _Canvas, chart: Chart, last: float, colours: Palette) -> None:
    if not chart.steps_per_epoch:
        return
    count = int(last / chart.steps_per_epoch)
    if count > MOST_EPOCH_MARKS:
        return
    for epoch in range(1, count + 1):
        step = epoch * chart.steps_per_epoch
        if step < last:
            for y in range(canvas.height):
                canvas.mark(_x(step, last, canvas), 4 * y, glyphs().epoch_mark, colours.epoch)


def _train(canvas: _Canvas, chart: Chart, last: float, scale: _Scale, colours: Palette) -> None:
    for bucket in chart.train:
        x = _x(bucket.step, last, canvas)
        if math.isfinite(bucket.low):
            for y in range(scale.row(bucket.high), scale.row(bucket.low) + 1):
                canvas.dot(x, y, colours.raw)
    previous: tuple[int, int] | None = None
    for bucket in chart.train:
        if not math.isfinite(bucket.smooth):
            continue
        here = (_x(bucket.step, last, canvas), scale.row(bucket.smooth))
        for x, y in _line(previous or here, here):
            canvas.dot(x, y, colours.smooth)
            canvas.marks.pop((x // 2, y // 4), None)
        previous = here
    for bucket in chart.train:
        if bucket.bad:
            canvas.mark(_x(bucket.step, last, canvas), 0, glyphs().not_finite, colours.bad)


def _line(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    return [
        (round(start[0] + (end[0] - start[0]) * i / steps), round(start[1] + (end[1] - start[1]) * i / steps))
        for i in range(steps + 1)
    ]


def _evaluations(canvas: _Canvas, chart: Chart, last: float, scale: _Scale, colours: Palette) -> None:
    marks = glyphs()
    for points, glyph, style in (
        (chart.probe, marks.probe_point, colours.probe),
        (chart.val, marks.eval_point, colours.val),
    ):
        for point in points:
            x = _x(point.step, last, canvas)
            if not math.isfinite(point.loss):
                canvas.mark(x, 0, marks.not_finite, colours.bad)
            elif points is chart.val and point.step == chart.best:
                canvas.mark(x, scale.row(point.loss), marks.best_point, colours.best)
            else:
                canvas.mark(x, scale.row(point.loss), glyph, style)


def _label(scale: _Scale, y: int, height: int, colours: Palette) -> Text:
    every = max(1, (height - 1) // 4)
    edge = "|" if glyphs().ascii else "│"
    tick = "+" if glyphs().ascii else "┤"
    if y % every and y != height - 1:
        return Text(" " * (LABEL_WIDTH - 1) + edge, colours.axis)
    value = scale.value(4 * y + 2)
    label = f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 1000 else f"{value:.0e}"
    return Text(label[: LABEL_WIDTH - 1].rjust(LABEL_WIDTH - 1) + tick, colours.axis)


def _axis(width: int, last: float, is_log: bool, colours: Palette) -> Text:
    right = f"step {last:,.0f}"
    left = "log scale" if is_log else ""
    middle = width - len(left) - len(right)
    return Text(" " * LABEL_WIDTH + left + " " * max(1, middle) + right, colours.axis)
