"""Which evaluation sets are held out, and what else than a loss was measured on them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from runner.insight.curves import Curves, Metric, held_out, main_set
from runner.insight.diagnosis.finding import Finding

# Measures of right answers, of which more is better; eval_ and the set's name are gone.
BETTER_UP = re.compile(
    r"(.*_)?(accuracy|acc|exact_match|em|f1|precision|recall|bleu|sacrebleu|rouge\w*|meteor|mcc|auc|map|ndcg)(_.*)?"
)
LEAST_GAIN = 0.005


def each_set(curves: Curves) -> Iterator[tuple[str, Curves]]:
    """(name, the curves with that set as the held-out one), for every such set; the name is '' for the only one."""
    names = list(held_out(curves.evals))
    for name in names:
        told = "" if len(names) == 1 else name
        if name == "val":
            yield told, curves
            continue
        evals = {**curves.evals, "val": curves.evals[name]}
        rows = {**curves.row_losses, "val": curves.row_losses.get(name, {})}
        metrics = {**curves.eval_metrics, "val": curves.eval_metrics.get(name, {})}
        yield told, replace(curves, evals=evals, row_losses=rows, eval_metrics=metrics)


def with_main_set(curves: Curves) -> Curves:
    """The curves with the main held-out set as `val`, where none has that name."""
    if main_set(curves.evals) == "val":
        return curves
    return next((view for _, view in each_set(curves)), curves)


def every_set(detect: Callable[[Curves], Finding | None]) -> Callable[[Curves], Finding | None]:
    """A detector of the held-out set, made to look at every one: the gravest finding, with the names of the sets."""

    def detect_in_each(curves: Curves) -> Finding | None:
        found = [(name, finding) for name, view in each_set(curves) if (finding := detect(view)) is not None]
        if not found:
            return None
        name, gravest = max(
            found, key=lambda one: (one[1].severity, one[1].evidence.get("rise_percent", 0.0))
        )
        if not name:
            return gravest
        others = [other for other, _ in found if other != name]
        more = f" The same in {', '.join(others)}." if others else ""
        return replace(gravest, sentence=f"{name}: {gravest.sentence}{more}", eval_set=name)

    return detect_in_each


def metrics_that_improve(curves: Curves, since: int) -> str:
    """' accuracy still improves: 0.62 → 0.65.' for what got better since a step while the loss did not; '' for none."""
    better = []
    for name, metric in curves.eval_metrics.get("val", {}).items():
        change = _change(metric, since) if BETTER_UP.fullmatch(name) else None
        if change is not None and change[1] > change[0] + LEAST_GAIN * max(abs(change[0]), 1e-9):
            better.append(f"{name} still improves: {change[0]:.3g} → {change[1]:.3g}")
    return f" But {', '.join(better[:2])}." if better else ""


def _change(metric: Metric, since: int) -> tuple[float, float] | None:
    """(value at a step, the last one), where both are known and something lies between."""
    known = np.isfinite(metric.value)
    at = np.flatnonzero(known & (metric.step == since))
    after = np.flatnonzero(known & (metric.step > since))
    if not len(at) or not len(after):
        return None
    return float(metric.value[at[-1]]), float(metric.value[after[-1]])
