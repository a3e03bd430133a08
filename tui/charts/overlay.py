"""The curves of several runs in one chart."""

from __future__ import annotations

from collections.abc import Sequence

from runner.insight.curves import Curves
from runner.insight.drawn import drawn, loss_of
from tui.charts.plot import Chart, Line, Palette, columns
from tui.charts.view import Axis, ChartMode, axis_values, axis_words, line_of, window
from tui.colours import BAD, GOOD, LIVE, NOTE, PROBE, QUIET

# Bright enough on a dark ground, and told apart by their order of brightness too.
COLOURS = (LIVE, NOTE, PROBE, GOOD, BAD, QUIET)


def colour(place: int) -> str:
    """The colour of the run at this place."""
    return COLOURS[place % len(COLOURS)]


def overlay(runs: Sequence[Curves], mode: ChartMode, width: int) -> Chart:
    """A chart of all of them on one axis, each in a colour of its own; smoothed train loss and evaluations."""
    axis = _shared_axis(runs, mode.axis)
    mode = ChartMode(axis=axis, smoothing=mode.smoothing, scale=mode.scale)
    places = [axis_values(curves, axis) for curves in runs]
    high = max(window(curves, x, mode)[1] for curves, x in zip(runs, places, strict=True))
    dots = columns(width)
    shown = [drawn(curves) for curves in runs]
    if len({what.name for what in shown}) > 1:
        # They are judged by different things; one axis can only hold what all of them have.
        shown = [loss_of(curves) for curves in runs]
    lines = []
    for place, (curves, what, x) in enumerate(zip(runs, shown, places, strict=True)):
        own = colour(place)
        palette = Palette(smooth=own, val=f"bold {own}", best=f"bold {own}")
        line = line_of(curves, what, x, mode, (0.0, high), dots, palette)
        lines.append(Line(line.train, line.val, (), line.best, False, palette))
    return Chart(
        lines=lines, high=high, log=mode.log, unit=axis.value, words=axis_words(axis), name=shown[0].name
    )


def _shared_axis(runs: Sequence[Curves], wanted: Axis) -> Axis:
    """The axis that was asked for, if every run has it; steps otherwise."""
    known = all(axis_values(curves, wanted) is not curves.train.step for curves in runs)
    return wanted if wanted is Axis.STEP or known else Axis.STEP
