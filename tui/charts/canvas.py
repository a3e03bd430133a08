"""A sheet of braille dots and whole characters, and the scales that place values on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from rich.text import Text

from tui.glyphs import glyphs

LOG_FROM_RATIO = 5.0
BRAILLE = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


@dataclass
class Canvas:
    """Cells of `width` × `height`; dots are (2·width) × (4·height), (0, 0) at the upper left."""

    width: int
    height: int
    dots: dict[tuple[int, int], int] = field(default_factory=dict)
    styles: dict[tuple[int, int], str] = field(default_factory=dict)
    marks: dict[tuple[int, int], tuple[str, str]] = field(default_factory=dict)

    def dot(self, x: int, y: int, style: str) -> None:
        cell = (x // 2, y // 4)
        self.dots[cell] = self.dots.get(cell, 0) | BRAILLE[y % 4][x % 2]
        self.styles[cell] = style

    def column(self, x: int, top: int, bottom: int, style: str) -> None:
        """All dots of a column from one row to another, both included."""
        for y in range(top // 4, bottom // 4 + 1):
            cell = (x // 2, y)
            dots = _column_dots(x % 2, max(0, top - 4 * y), min(3, bottom - 4 * y))
            self.dots[cell] = self.dots.get(cell, 0) | dots
            self.styles[cell] = style

    def line(self, start: tuple[int, int], end: tuple[int, int], style: str) -> None:
        """Dots from one to the other; marks under them give way."""
        steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
        for i in range(steps + 1):
            x = round(start[0] + (end[0] - start[0]) * i / steps)
            y = round(start[1] + (end[1] - start[1]) * i / steps)
            self.dot(x, y, style)
            self.marks.pop((x // 2, y // 4), None)

    def mark(self, x: int, y: int, glyph: str, style: str) -> None:
        """A whole character, over whatever is there."""
        self.marks[(x // 2, y // 4)] = (glyph, style)

    def row(self, y: int) -> Text:
        """One row; neighbours of one style are one span, which is a fraction of the bytes on the wire."""
        text = Text()
        run, style = "", ""
        for x in range(self.width):
            glyph, own = self._cell((x, y))
            if own != style and glyph != " ":
                text.append(run, style)
                run, style = "", own
            run += glyph
        return text.append(run, style)

    def _cell(self, cell: tuple[int, int]) -> tuple[str, str]:
        if cell in self.marks:
            return self.marks[cell]
        if cell in self.dots:
            glyph = "." if glyphs().ascii else chr(0x2800 + self.dots[cell])
            return glyph, self.styles[cell]
        return " ", ""


@cache
def _column_dots(side: int, first: int, last: int) -> int:
    return sum(BRAILLE[row][side] for row in range(first, last + 1))


class LossScale:
    """Losses to rows of dots: linear, or logarithmic; by itself so when the greatest is five times the least.

    Its ends are round numbers, so that it stays as it is while a curve grows a little.
    """

    def __init__(self, values: Sequence[float], dots: int, log: bool | None = None) -> None:
        low, high = min(values), max(values)
        wanted = high / low > LOG_FROM_RATIO if log is None and low > 0 else bool(log)
        self.is_log = wanted and low > 0
        self._low, self._high = _rounded(self._map(low), self._map(high))
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
        return math.exp(min(700.0, mapped)) if self.is_log else mapped


def _rounded(low: float, high: float) -> tuple[float, float]:
    """A range that holds both, its ends multiples of a twentieth of its order of magnitude."""
    extent = high - low or abs(high) * 0.1 or 1.0
    if not math.isfinite(extent):
        return low / 2, high / 2
    step = 10 ** math.floor(math.log10(extent)) / 2
    while extent / step > 12:
        step *= 2
    below, above = math.floor(low / step + 0.3) * step, math.ceil(high / step - 0.3) * step
    return min(below, low - 0.02 * extent), max(above, high + 0.02 * extent)


def round_end(last: float, limit: float | None) -> float:
    """Where an axis ends whose newest value is `last`: a little further, so that it need not move at every step; at the
    limit when that is near.
    """
    if last <= 0:
        return limit or 1.0
    if limit and last >= limit / 2:
        return max(limit, last)
    grain = 2.0 ** math.floor(math.log2(last)) / 4
    end = math.ceil(last / grain) * grain
    return min(end, limit) if limit and limit >= last else end
