"""The events of a run folded into what is known about it. The one reader behind the screen, the verbs and reports."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any

from runner.insight.curves import Curves, EvalPoint, TrainCurve
from runner.run.directory import RunDirectory
from runner.run.events import Phase
from runner.run.jsonl import LineTail, Record

STEP_COLUMNS = {
    "step": "step",
    "epoch": "epoch",
    "loss": "loss",
    "lr": "lr",
    "grad_norm": "grad_norm",
    "tokens": "tokens",
    "seconds": "step_s",
    "accuracy": "accuracy",
}


@dataclass
class History:
    """Everything the events say, folded one after the other.

    A step that comes again (after a resume) replaces what was known from it on; events that make no sense are counted
    in `bad_events` and passed over.
    """

    phase: Phase = Phase.STARTING
    plan: Record = field(default_factory=dict)
    train: TrainCurve = field(default_factory=TrainCurve)
    evals: dict[str, list[EvalPoint]] = field(default_factory=dict)
    checkpoints: list[int] = field(default_factory=list)
    memory: Record = field(default_factory=dict)
    warnings: list[Record] = field(default_factory=list)
    error: Record = field(default_factory=dict)
    end: Record = field(default_factory=dict)
    eval_seconds: float = 0.0
    eval_count: int = 0
    last_time: float = 0.0
    bad_events: int = 0

    def fold(self, event: Record) -> None:
        """Take one event in."""
        try:
            self.last_time = max(self.last_time, number(event.get("t", 0.0)))
            handler = getattr(self, f"_on_{event.get('type')}", None)
            if handler is not None:
                handler(event)
        except (TypeError, ValueError, KeyError, OverflowError):
            self.bad_events += 1

    def _on_phase(self, event: Record) -> None:
        phase = Phase(event["phase"])
        # After a crash the supervisor adds its word; it never un-ends a run.
        if not self.end or phase.is_over:
            self.phase = phase

    def _on_plan(self, event: Record) -> None:
        self.plan = event

    def _on_step(self, event: Record) -> None:
        values = {name: number(event.get(key, math.nan)) for name, key in STEP_COLUMNS.items()}
        if not values["step"] >= 1:
            raise ValueError("a step below 1")
        place = bisect_left(self.train.step, values["step"])
        for name, value in values.items():
            column = getattr(self.train, name)
            del column[place:]
            column.append(value)

    def _on_eval(self, event: Record) -> None:
        point = EvalPoint(
            int(event["step"]), number(event["loss"]), int(event.get("n", 0)), number(event.get("epoch", 0.0))
        )
        points = self.evals.setdefault(str(event["set"]), [])
        while points and points[-1].step >= point.step:
            points.pop()
        points.append(point)
        self.eval_seconds += number(event.get("seconds", 0.0))
        self.eval_count += 1

    def _on_checkpoint(self, event: Record) -> None:
        step = int(event["step"])
        if step not in self.checkpoints:
            self.checkpoints.append(step)

    def _on_memory(self, event: Record) -> None:
        self.memory = event

    def _on_warning(self, event: Record) -> None:
        self.warnings.append(event)

    def _on_error(self, event: Record) -> None:
        self.error = event

    def _on_end(self, event: Record) -> None:
        self.end = event
        self.phase = Phase(event["status"])

    def curves(self) -> Curves:
        """A frozen copy for judging and drawing."""
        return Curves(
            train=self.train.copy(),
            evals={name: tuple(points) for name, points in self.evals.items()},
            checkpoints=tuple(self.checkpoints),
            total_steps=whole(self.plan.get("total_steps")),
            steps_per_epoch=whole(self.plan.get("steps_per_epoch")),
            warmup_steps=whole(self.plan.get("warmup_steps")) or 0,
            trainable_parameters=whole(self.plan.get("trainable_parameters")),
            is_over=self.phase.is_over,
        )


def read_history(run: RunDirectory) -> History:
    """The whole history of a run as it is on disk now."""
    history = History()
    for event in LineTail(run.events).read_all():
        history.fold(event)
    return history


def number(value: Any) -> float:
    """A number, or one of the strings "NaN", "Infinity", "-Infinity" (jsonl.py). TypeError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError(f"{value!r} is no number")
    return float(value)


def whole(value: Any) -> int | None:
    """A whole number, or None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
