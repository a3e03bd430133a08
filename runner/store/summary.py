"""state.json: a run in a few numbers, so that a list of thousands needs no events read."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from runner.insight import answers
from runner.insight.curves import best_of, finite
from runner.insight.diagnosis import Verdict
from runner.insight.reduction import part_means
from runner.insight.task import main_curve
from runner.insight.train_curve import Column
from runner.store import life, lost
from runner.store.directory import RunDirectory, read_json
from runner.store.event_tail import EventTail
from runner.store.events import Phase
from runner.store.history import History, fold_all, whole
from runner.store.life import Life, Role

# Many steps, and always more than a supervisor can be behind.
TAIL_BYTES = 64 * 1024


def summarise(history: History, verdict: Verdict) -> dict[str, Any]:
    """What a list shows of a run; losses in nats a token, None while unknown."""
    train = history.train
    curves = history.curves()
    judged_by = main_curve(curves)
    # Of a run that is not judged by its loss the list shows none as its best.
    points = finite(curves.val) if judged_by is None else []
    best = best_of(points)
    shape = train.loss if judged_by is None else curves.metrics[judged_by].value
    return {
        "phase": history.phase.value,
        "step": int(train.step[-1]) if len(train) else 0,
        "total_steps": whole(history.plan.get("total_steps")),
        "loss": _finite(train.loss[-1]) if len(train) else None,
        "losses": sparkline(shape),
        "eval_loss": points[-1].loss if points else None,
        "best_loss": best.loss if best else None,
        "best_step": best.step if best else None,
        "answers": answers.short(history.answers[-1] if history.answers else None),
        "verdict": verdict.kind.value,
        "severity": int(verdict.severity),
        "headline": verdict.headline,
        "reason": _reason(history),
    }


def _reason(history: History) -> str:
    return history.end.get("reason") or history.error.get("message") or ""


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def sparkline(values: Column, most: int = 16) -> list[float]:
    """At most `most` means over equal parts of the finite values, rounded: enough to see a shape by."""
    means = part_means(values[np.isfinite(values)], most)
    return [round(float(mean), 4) for mean in means]


def read_state(run: RunDirectory) -> dict[str, Any]:
    """state.json; that of a run without a supervisor with what its last events say. A run whose processes are
    gone without an end is `lost`.
    """
    state = read_json(run.state)
    if phase_of(state).is_over:
        return state
    sign = life.of(run, Role.SUPERVISOR)
    if sign.life is Life.ALIVE:
        # A supervisor whose state.json was deleted writes it again in some seconds.
        return state if "phase" in state else _caught_up(run, state)
    if sign.life is Life.UNKNOWN:
        return _caught_up(run, state) | {"reason": f"It may be running: {sign.why}."}
    lives = life.is_alive(run)
    # The end may have been written between our two looks.
    state = read_json(run.state)
    if phase_of(state).is_over:
        return state
    state = _caught_up(run, state)
    phase = phase_of(state)
    if not lives and not phase.is_over:
        state = {**state, "phase": Phase.LOST.value, "reason": lost.lost(state, phase)}
    return state


def _caught_up(run: RunDirectory, state: dict[str, Any]) -> dict[str, Any]:
    """A state with what the end of events.jsonl says: a supervisor that died could not write it down any more."""
    history = History()
    fold_all(history, EventTail(run.events, TAIL_BYTES))
    news: dict[str, Any] = {}
    if history.phase is not Phase.STARTING:
        news |= {"phase": history.phase.value, "reason": _reason(history)}
    if len(history.train):
        news |= {"step": history.step, "loss": _finite(history.train.loss[-1])}
    if total := whole(history.plan.get("total_steps")):
        news["total_steps"] = total
    return {**state, **news}


def phase_of(state: dict[str, Any]) -> Phase:
    """The phase in a state, STARTING when it says none that is known."""
    try:
        return Phase(str(state.get("phase")))
    except ValueError:
        return Phase.STARTING
