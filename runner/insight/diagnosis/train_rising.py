"""The train loss itself climbs, slowly enough to look like noise from one entry to the next."""

from __future__ import annotations

import math

import numpy as np

from runner.insight.curves import Curves
from runner.insight.diagnosis.finding import HALF_RATE, Action, Finding, Severity
from runner.insight.diagnosis.health import unusable
from runner.insight.diagnosis.held_out_trend import LARGEST_RISE
from runner.insight.diagnosis.noise import theil_sen
from runner.insight.diagnosis.training_side import held_out_denies
from runner.insight.reduction import part_means

FEWEST = 10
MOST_POINTS = 30
LEAST_RISE = 0.08
# Share of neighbours among the parts that rise; one half by chance.
MOSTLY = 0.7
EVAL_RISE = 1.02
# Share of the log that lies behind its least.
LEAST_TAIL = 2 / 3


def train_rising(curves: Curves) -> Finding | None:
    """`train-rising`: from its least on the train loss climbs by over 8 %, most parts above the one before, and its
    slope is above zero beyond doubt (95 %). Evaluations made meanwhile, if any, rise too.
    """
    train = curves.train
    usable = ~unusable(curves) & (train.loss > 0) & (train.step > curves.warmup_steps)
    logs, steps = np.log(train.loss[usable]), train.step[usable]
    if len(logs) < FEWEST:
        return None
    parts = part_means(logs, MOST_POINTS)
    least = int(np.argmin(parts))
    tail = parts[least:]
    if len(tail) < max(FEWEST - 1, int(LEAST_TAIL * len(parts))):
        return None
    slope, low, _ = theil_sen(tail)
    rise = math.expm1(min(slope * (len(tail) - 1), LARGEST_RISE))
    if low <= 0 or rise < LEAST_RISE or float((np.diff(tail) > 0).mean()) < MOSTLY:
        return None
    since = int(steps[min(len(steps) - 1, least * len(steps) // len(parts))])
    if held_out_denies(curves, since + 1, EVAL_RISE):
        return None
    return Finding(
        id="train-rising",
        name="train loss is rising",
        severity=Severity.WARNING,
        since_step=since,
        sentence=f"Train loss {math.exp(tail[0]):.3f} → {math.exp(tail[-1]):.3f} since step {since}, steadily: it "
        "goes up instead of down.",
        actions=(
            Action("half the learning rate", (HALF_RATE,)),
            Action("look at the order of the rows: do they get harder or longer?"),
        ),
        evidence={"rise_percent": 100 * rise, "slope_low_percent": 100 * low, "entries": len(logs)},
    )
