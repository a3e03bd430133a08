"""The small chart of one finding: the evaluations it rests on, or the stretch of a curve where it was seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from rich.text import Text

from runner.insight.curves import Curves, EvalPoint, best_of, main_set
from runner.insight.diagnosis import Finding, Severity
from runner.insight.drawn import Drawn
from runner.insight.reduction import SMOOTHING_SPAN, Bucket, even_edges, reduce
from runner.insight.task import (
    CLIPPED_CURVES,
    ENTROPY_CURVES,
    KL_CURVES,
    LENGTH_CURVES,
    first_of,
    main_curve,
)
from runner.insight.train_curve import Column
from tui.charts.legend import Part, line, short
from tui.charts.plot import Chart, Line, Mark, Palette, Point, columns, draw
from tui.colours import BAD, NOTE
from tui.glyphs import glyphs

# What leads to a best evaluation is seen beside what came of it.
EVALUATIONS_BEFORE = 3
HEIGHT, HEIGHT_BELOW = 8, 5
# Entries at each side of what happened at one step, and before what has lasted since.
AROUND = 40
MOMENTS = ("spike", "epoch-step", "resume-break", "non-finite")
FEWEST_SINCE = 10
# Findings about another curve than the loss.
COLUMNS = {"off-schedule": ("lr", "learning rate"), "steps-skipped": ("grad_norm", "gradient norm")}
METRICS = {
    "kl-runaway": KL_CURVES,
    "entropy-collapse": ENTROPY_CURVES,
    "length-limit": (*CLIPPED_CURVES, *LENGTH_CURVES),
    "chosen-falling": ("rewards/chosen",),
}
WITHOUT_CURVE = ("memory-short", "stalled", "nothing-trained")


@dataclass(frozen=True)
class Panel:
    """A chart of so many rows."""

    chart: Chart
    height: int


@dataclass(frozen=True)
class Small:
    """Panels below each other over the same steps, each with a scale of its own, and what their signs mean."""

    panels: Sequence[Panel]
    legend: Sequence[Part]

    def lines(self, width: int) -> list[Text]:
        """It all in text, the steps written once."""
        rows = [draw(panel.chart, width, panel.height) for panel in self.panels]
        return [line(self.legend, width, 0), *(text for part in rows[:-1] for text in part[:-1]), *rows[-1]]


def small_chart(curves: Curves, finding: Finding, width: int) -> Small | None:
    """The chart of a finding, for so many characters; None where no curve shows it."""
    points = curves.evals.get(finding.eval_set or main_set(curves.evals), ())
    if finding.evals and len(points) > 1:
        return _of_evaluations(curves, finding, points, width)
    what = _curve_of(curves, finding)
    return None if what is None or len(what.step) < 2 else _of_stretch(curves, finding, what, width)


def _of_evaluations(curves: Curves, finding: Finding, points: Sequence[EvalPoint], width: int) -> Small:
    shown = _shown(points, finding)
    low, high = float(shown[0].step), float(max(shown[-1].step, shown[0].step + 1))
    best = best_of(points)
    held_out = Line(val=_placed(shown), best=float(best.step) if best is not None else None)
    marks, colours = glyphs(), Palette()
    general = finding.eval_set == "general"
    # A set is named only where there are several.
    name = "general text" if general else short(finding.eval_set) or "held-out"
    legend = [(f"{marks.eval_point} {name}", colours.val), (f"{marks.best_point} best", colours.best)]
    upper = Chart((held_out,), low, high, log=False)
    if general or finding.eval_set == "train_probe":
        return Small([Panel(upper, HEIGHT)], legend)
    probe = [point for point in curves.probe if low <= point.step <= high]
    # Where no training rows were evaluated, the train loss stands in for them.
    loss = Drawn(curves.train.step, curves.train.loss)
    train = () if probe else _buckets(loss, low, high, width)
    if not probe and not train:
        return Small([Panel(upper, HEIGHT)], legend)
    below = Chart((Line(train, probe=_placed(probe), raw=False),), low, high, log=False)
    legend.append(
        (f"{marks.probe_point} training rows, same weights", colours.probe)
        if probe
        else (f"{marks.bar_empty} train loss", colours.smooth)
    )
    return Small([Panel(upper, HEIGHT), Panel(below, HEIGHT_BELOW)], legend)


def _shown(points: Sequence[EvalPoint], finding: Finding) -> Sequence[EvalPoint]:
    """The evaluations of a finding and all later ones, with a few before them that need no wider scale."""
    start = next((i for i, point in enumerate(points) if point.step >= finding.evals[0].step), 0)
    most = max((point.loss for point in points[start:] if math.isfinite(point.loss)), default=math.inf)
    for _ in range(EVALUATIONS_BEFORE):
        if start and points[start - 1].loss <= most:
            start -= 1
    # One alone draws no line.
    return points[min(start, len(points) - 2) :]


def _of_stretch(curves: Curves, finding: Finding, what: Drawn, width: int) -> Small:
    low, high = _stretch(what.step, finding)
    main = [point for point in curves.val if low <= point.step <= high] if not what.name else []
    span = 0.0 if finding.id in MOMENTS else SMOOTHING_SPAN
    held_out = Line(_buckets(what, low, high, width, span), _placed(main))
    marks, colours = glyphs(), Palette()
    legend = [(f"{marks.bar_empty} {short(what.name) or 'train loss'}", colours.smooth)]
    legend += [(f"{marks.eval_point} held-out", colours.val)] if main else []
    legend += [(f"{marks.up} step {finding.since_step}", _style(finding))]
    return Small([Panel(_marked(Chart((held_out,), low, high, name=what.name), finding), HEIGHT)], legend)


def _marked(chart: Chart, finding: Finding) -> Chart:
    at = float(finding.since_step)
    return replace(chart, marks=(Mark(at, _style(finding)),)) if chart.low < at < chart.high else chart


def _style(finding: Finding) -> str:
    return NOTE if finding.severity < Severity.CRITICAL else BAD


def _curve_of(curves: Curves, finding: Finding) -> Drawn | None:
    """The curve a finding was seen in: a metric, a column of the log, or the train loss."""
    if finding.id in WITHOUT_CURVE:
        return None
    if finding.id in COLUMNS:
        column, name = COLUMNS[finding.id]
        return Drawn(curves.train.step, getattr(curves.train, column), name)
    metric = first_of(curves, METRICS.get(finding.id, ())) or (
        main_curve(curves) if finding.id in ("reward-flat", "converged") else None
    )
    if metric is not None:
        return Drawn(curves.metrics[metric].step, curves.metrics[metric].value, metric)
    return Drawn(curves.train.step, curves.train.loss)


def _stretch(step: Column, finding: Finding) -> tuple[float, float]:
    """From where to where a curve is shown."""
    at, last = int(np.searchsorted(step, finding.since_step)), len(step) - 1
    if finding.id in MOMENTS:
        start, end = max(0, at - AROUND), min(last, at + AROUND)
    else:
        start, end = max(0, at - max(AROUND, (last - at) // 3)), last
        if last - at < FEWEST_SINCE:
            start = 0
    return float(step[start]), float(max(step[end], step[start] + 1))


def _buckets(
    what: Drawn, low: float, high: float, width: int, span: float = SMOOTHING_SPAN
) -> tuple[Bucket, ...]:
    return reduce(what.step, what.value, even_edges(low, high, columns(width)), span, what.step)


def _placed(points: Sequence[EvalPoint]) -> list[Point]:
    return [Point(float(point.step), point.loss) for point in points]
