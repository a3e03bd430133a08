"""The small chart of one finding: the evaluations it rests on, or the stretch of a curve where it was seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from runner.insight.curves import Column, Curves, EvalPoint, best_of, main_set
from runner.insight.diagnosis import Finding, Severity
from runner.insight.drawn import Drawn
from runner.insight.reduction import Bucket, even_edges, reduce
from runner.insight.task import (
    CLIPPED_CURVES,
    ENTROPY_CURVES,
    KL_CURVES,
    LENGTH_CURVES,
    first_of,
    main_curve,
)
from tui.charts.legend import Part, short
from tui.charts.plot import Chart, Line, Mark, Palette, Point, columns
from tui.colours import BAD, NOTE
from tui.glyphs import glyphs

# What leads to a best evaluation is seen beside what came of it.
EVALUATIONS_BEFORE = 3
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
class Small:
    """A chart with its legend."""

    chart: Chart
    legend: Sequence[Part]


def chart_of(curves: Curves, finding: Finding, width: int) -> Small | None:
    """The chart of a finding, for so many characters; None where no curve shows it."""
    points = curves.evals.get(finding.eval_set or main_set(curves.evals), ())
    if finding.evals and len(points) > 1:
        return _of_evaluations(curves, finding, points, width)
    what = _curve_of(curves, finding)
    return None if what is None or len(what.step) < 2 else _of_stretch(curves, finding, what, width)


def _of_evaluations(curves: Curves, finding: Finding, points: Sequence[EvalPoint], width: int) -> Small:
    steps = [point.step for point in points]
    first = next((i for i, step in enumerate(steps) if step >= finding.evals[0].step), 0)
    shown = points[max(0, first - EVALUATIONS_BEFORE) :]
    low, high = float(shown[0].step), float(max(steps[-1], shown[0].step + 1))
    probe = [point for point in curves.probe if low <= point.step <= high]
    # Where no training rows were evaluated, the train loss stands in for them.
    loss = Drawn(curves.train.step, curves.train.loss)
    train = () if probe or finding.id == "forgetting" else _buckets(loss, low, high, width)
    best = best_of(points)
    line = Line(
        train,
        _placed(shown),
        _placed(probe) if finding.id != "forgetting" else (),
        float(best.step) if best is not None else None,
        raw=False,
    )
    marks, colours = glyphs(), Palette()
    # The name of a set only where there are several.
    name = "general text" if finding.id == "forgetting" else short(finding.eval_set) or "held-out"
    legend = [(f"{marks.eval_point} {name}", colours.val)]
    legend += [(f"{marks.best_point} best", colours.best)]
    legend += [(f"{marks.probe_point} training rows, same weights", colours.probe)] if line.probe else []
    legend += [(f"{marks.bar_empty} train loss", colours.smooth)] if train else []
    return _small(finding, Chart((line,), low, high), legend)


def _of_stretch(curves: Curves, finding: Finding, what: Drawn, width: int) -> Small:
    low, high = _stretch(what.step, finding)
    main = [point for point in curves.val if low <= point.step <= high] if not what.name else []
    line = Line(_buckets(what, low, high, width), _placed(main))
    marks, colours = glyphs(), Palette()
    legend = [(f"{marks.bar_empty} {short(what.name) or 'train loss'}", colours.smooth)]
    legend += [(f"{marks.eval_point} held-out", colours.val)] if main else []
    return _small(finding, Chart((line,), low, high, name=what.name), legend)


def _small(finding: Finding, chart: Chart, legend: Sequence[Part]) -> Small:
    style = NOTE if finding.severity < Severity.CRITICAL else BAD
    at = float(finding.since_step)
    if not chart.low < at < chart.high:
        return Small(chart, legend)
    words = f"{glyphs().up} step {finding.since_step}"
    return Small(replace(chart, marks=(Mark(at, style),)), [*legend, (words, style)])


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


def _buckets(what: Drawn, low: float, high: float, width: int) -> tuple[Bucket, ...]:
    return reduce(what.step, what.value, even_edges(low, high, columns(width)), steps=what.step)


def _placed(points: Sequence[EvalPoint]) -> list[Point]:
    return [Point(float(point.step), point.loss) for point in points]
