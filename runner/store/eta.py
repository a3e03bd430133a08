"""How long a run still takes."""

from __future__ import annotations

import math

import numpy as np

from runner.store.history import History, whole
from runner.store.jsonl import Record

ETA_STEPS = 50


def eta_seconds(history: History) -> float | None:
    """Remaining steps at the pace of the last 50, and what lies between steps (evaluations, answers, checkpoints) at
    what it took so far for each evaluation.

    Steps from before a resume are not counted in: another GPU, or another load, may have made them.
    """
    total = whole(history.plan.get("total_steps"))
    train = history.train
    if not total or not len(train):
        return None
    since = history.resumed_at[-1] if history.resumed_at else 0
    recent = train.seconds[-ETA_STEPS:][train.step[-ETA_STEPS:] > since]
    recent = recent[[math.isfinite(value) for value in recent]]
    if not len(recent):
        return None
    # The first step of a process also starts up kernels and data loaders.
    if len(recent) > 3 and train.step[-len(recent)] == since + 1:
        recent = recent[1:]
    step = int(train.step[-1])
    # Durations may be anything a file can hold, 1e308 among it.
    with np.errstate(all="ignore"):
        eta = max(0, total - step) * float(recent.mean())
    left = _evaluations_left(history.plan, step, total)
    each = _between_steps(history, since)
    if each is not None:
        eta += left * each
    elif history.eval_count:
        sets = max(1, len(history.evals))
        eta += left * sets * history.eval_seconds / history.eval_count
    return eta if math.isfinite(eta) else None


def _evaluations_left(plan: Record, step: int, total: int) -> int:
    if interval := whole(plan.get("eval_steps")):
        return -(-total // interval) - step // interval if step < total else 0
    grid = plan.get("eval_grid")
    return sum((whole(one) or 0) > step for one in grid) if isinstance(grid, list) else 0


def _between_steps(history: History, since: int) -> float | None:
    """Seconds between steps for each evaluation, by the clock: from the first to the last step of this start, less what
    the steps themselves took. None before the first evaluation that lies between steps, or without a clock.
    """
    train = history.train
    mine = train.step > since
    clock, seconds, steps = train.time[mine], train.seconds[mine], train.step[mine]
    if len(clock) < 2 or not (math.isfinite(clock[0]) and math.isfinite(clock[-1])):
        return None
    evaluated = {point.step for points in history.evals.values() for point in points}
    times = sum(steps[0] <= step < steps[-1] for step in evaluated)
    with np.errstate(all="ignore"):
        spent = float(clock[-1] - clock[0]) - float(np.nansum(seconds[1:]))
    return max(0.0, spent) / times if times and math.isfinite(spent) else None
