"""A curve in one line of text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from runner.insight.reduction import means
from runner.insight.train_curve import Column
from tui.glyphs import glyphs


def sparkline(values: Sequence[float] | Column, width: int) -> str:
    """Means over equal parts of the values, scaled from their least to their greatest; NaN and infinity show as ×.

    One string in one colour: a cell of its own colour each would cost kilobytes a second over SSH.
    """
    marks = glyphs()
    levels = means(values, width)
    finite = [value for value in levels if math.isfinite(value)]
    if not finite:
        return marks.not_finite * len(levels)
    low, high = min(finite), max(finite)
    scale = (len(marks.sparks) - 1) / (high - low) if high > low else 0.0
    return "".join(
        marks.sparks[round((value - low) * scale)] if math.isfinite(value) else marks.not_finite
        for value in levels
    )


def bar(share: float, width: int) -> tuple[str, str]:
    """A progress bar as (filled part, empty part); `share` is clipped to 0…1."""
    filled = round(max(0.0, min(1.0, share)) * width)
    return glyphs().bar_full * filled, glyphs().bar_empty * (width - filled)
