"""Where a run stands, in words: its held-out sets, what else was measured on them, and what it is made to increase.

One wording for the verbs and the report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from runner.insight.curves import Curves, EvalPoint, Metric, best_of, finite, held_out
from runner.insight.diagnosis.words import set_words
from runner.insight.figures import loss, number
from runner.insight.task import Task, main_curve, main_metrics, task_of

# Of how an evaluation was made, which says nothing of the model.
ABOUT_SPEED = ("runtime", "_per_second", "samples", "num_tokens", "epoch")


def evaluations(curves: Curves) -> list[tuple[str, str]]:
    """(set, '1.9000 → 1.7000, best 1.6000 at step 30, 8 evaluations') of every evaluated set, held-out ones first."""
    sets: Mapping[str, Sequence[EvalPoint]] = {**held_out(curves.evals), **curves.evals}
    return [(set_words(name), _change(points)) for name, points in sets.items() if points]


def _change(points: Sequence[EvalPoint]) -> str:
    best, count = best_of(points), f"{len(points)} evaluation{'s' if len(points) > 1 else ''}"
    if best is None:
        return f"no finite loss in {count}"
    bad = len(points) - len(finite(points))
    count += f", {bad} not finite" if bad else ""
    change = f"{loss(points[0].loss)} → " if len(points) > 1 else ""
    return f"{change}{loss(points[-1].loss)}, best {loss(best.loss)} at step {best.step}, {count}"


def measures(curves: Curves) -> list[tuple[str, str, str]]:
    """(set, metric, '0.65 at step 100, 0.66 at step 80, where the loss is best') of what was measured on held-out rows
    beside the loss; the set is '' for the only one.
    """
    sets = held_out(curves.evals)
    found = []
    # A run without evaluated losses may have measured all the same.
    for name in dict.fromkeys([*sets, *curves.eval_metrics]):
        points = sets.get(name, ())
        best = best_of(points)
        for metric, values in curves.eval_metrics.get(name, {}).items():
            if words := _measure(metric, values, best):
                found.append((name if len(sets) > 1 else "", metric, words))
    return found


def _measure(name: str, metric: Metric, best: EvalPoint | None) -> str:
    known = np.flatnonzero(np.isfinite(metric.value))
    if not len(known) or any(word in name for word in ABOUT_SPEED):
        return ""
    last = int(known[-1])
    text = f"{number(metric.value[last])} at step {metric.step[last]:.0f}"
    at_best = known[metric.step[known] == best.step] if best is not None else known[:0]
    if not len(at_best) or int(at_best[-1]) == last:
        return text
    at = int(at_best[-1])
    return f"{text}, {number(metric.value[at])} at step {metric.step[at]:.0f}, where the loss is best"


def task_lines(curves: Curves) -> list[tuple[str, str]]:
    """('task', 'reinforcement learning, judged by reward') and the run's main metrics; nothing for supervised runs."""
    task, judged_by = task_of(curves), main_curve(curves)
    if task is Task.SUPERVISED or judged_by is None:
        return []
    lines = [("task", f"{task.value} learning, judged by {judged_by}")]
    for label, name in main_metrics(curves):
        if words := course(curves.metrics[name], with_best=name == judged_by):
            lines.append((label, words if label == name else f"{words} ({name})"))
    return lines


def course(metric: Metric, with_best: bool = False) -> str:
    """'0.12 → 0.84, highest 0.91 at step 320'; empty when no value of it is finite."""
    known = np.flatnonzero(np.isfinite(metric.value))
    if not len(known):
        return ""
    first, last = metric.value[known[0]], metric.value[known[-1]]
    words = f"{number(first)} → {number(last)}" if len(known) > 1 else number(last)
    if not with_best:
        return words
    best = metric.highest
    return f"{words}, highest {number(best[1])} at step {best[0]}" if best is not None else words
