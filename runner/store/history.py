"""The events of a run folded into what is known about it. The one reader behind the screen, the verbs and reports."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from runner import plain_text
from runner.insight.curves import AnswerPoint, Curves, EvalPoint, MemoryPoint, Schedule
from runner.insight.train_curve import COLUMNS, STEP_COLUMNS, Column, StepTable, TrainCurve
from runner.store.directory import RunDirectory
from runner.store.event_tail import MOST_STEPS, EventTail
from runner.store.events import Phase
from runner.store.jsonl import READ_BYTES, Record
from runner.store.metric_book import MetricBook

MOST_MEMORY_POINTS = 400
TIME = COLUMNS.index("time")
# A step event is hardly shorter.
LEAST_STEP_BYTES = 140


@dataclass
class History:
    """Everything the events say, folded one after the other.

    A step that comes again (after a resume) replaces what was known from it on; events that make no sense are counted
    in `bad_events` and passed over.
    """

    phase: Phase = Phase.STARTING
    plan: Record = field(default_factory=dict)
    evals: dict[str, list[EvalPoint]] = field(default_factory=dict)
    row_losses: dict[str, dict[int, Column]] = field(default_factory=dict)
    metrics: MetricBook = field(default_factory=MetricBook)
    eval_metrics: dict[str, MetricBook] = field(default_factory=dict)
    answers: list[AnswerPoint] = field(default_factory=list)
    memory: Record = field(default_factory=dict)
    memory_points: deque[MemoryPoint] = field(default_factory=lambda: deque(maxlen=MOST_MEMORY_POINTS))
    replans: list[Record] = field(default_factory=list)
    warnings: list[Record] = field(default_factory=list)
    error: Record = field(default_factory=dict)
    end: Record = field(default_factory=dict)
    eval_seconds: float = 0.0
    eval_count: int = 0
    last_time: float = 0.0
    bad_events: int = 0
    _steps: StepTable = field(default_factory=StepTable)
    # In the order they came; found again without a look at all of them.
    _checkpoints: dict[int, None] = field(default_factory=dict)
    _resumed: dict[int, None] = field(default_factory=dict)
    _samples: dict[tuple[int, str], Record] = field(default_factory=dict)

    @property
    def checkpoints(self) -> list[int]:
        """Their steps, in the order they were saved."""
        return list(self._checkpoints)

    @property
    def resumed_at(self) -> list[int]:
        """The steps it went on from, the newest last."""
        return list(self._resumed)

    @property
    def samples(self) -> list[Record]:
        """The answers to prompts, in the order they came."""
        return list(self._samples.values())

    @property
    def train(self) -> TrainCurve:
        """The steps so far; what is folded later does not change it."""
        return self._steps.curve()

    def fold(self, event: Record | Column) -> None:
        """Take one event in, or a block of steps (event_tail.py)."""
        if isinstance(event, np.ndarray):
            self._take_steps(event)
            return
        try:
            # What a supervisor remarks is no sign of life of its trainer.
            if event.get("type") != "warning":
                self.last_time = max(self.last_time, number(event.get("t", 0.0)))
            handler = getattr(self, f"_on_{event.get('type')}", None)
            if handler is not None:
                handler(event)
        except (TypeError, ValueError, KeyError, OverflowError):
            self.bad_events += 1

    def expect(self, size: int) -> None:
        """So many bytes of events are about to be folded."""
        self._steps.expect(size // LEAST_STEP_BYTES)

    def give_table(self, room: Column) -> int:
        """Put the steps into `room`, of shape (columns, n), and forget them; returns how many there were. ValueError
        when it is too small.
        """
        count = self._steps.copy_into(room)
        self._steps = StepTable()
        return count

    def take_table(self, rows: Column, count: int) -> None:
        """Take over rows of which the first `count` are steps; nothing is copied."""
        self._steps = StepTable(rows, count)

    def _take_steps(self, block: Column) -> None:
        last = self.step
        self._steps.add(block)
        if block[0, 0] <= last:
            self._note_resume(int(block[0, 0]) - 1)
        # Clocks are put back: the last one need not be the latest.
        self.last_time = max(self.last_time, float(np.fmax.reduce(block[TIME])))

    @property
    def step(self) -> int:
        """The last step; 0 before the first."""
        return int(self._steps.last)

    def _note_resume(self, step: int) -> None:
        # The newest last, also when it went on from there before.
        self._resumed.pop(step, None)
        self._resumed[step] = None

    def _on_phase(self, event: Record) -> None:
        phase = Phase(event["phase"])
        if phase is Phase.STARTING:
            # It goes on after an end; from which step, the trainer says once it has loaded.
            self.end, self.error = {}, {}
        # After a crash the supervisor adds its word; it never un-ends a run.
        if not self.end or phase.is_over:
            self.phase = phase

    def _on_plan(self, event: Record) -> None:
        self.plan = event

    def _on_step(self, event: Record) -> None:
        values = [number(event.get(column.key, math.nan)) for column in STEP_COLUMNS]
        if not 1 <= values[0] <= MOST_STEPS:
            raise ValueError("a step that cannot be")
        self._take_steps(np.array([values]).T)

    def _on_eval(self, event: Record) -> None:
        if not isinstance(event["set"], str):
            raise TypeError("the name of a set is text")
        name, step = plain_text.line(event["set"]), step_of(event)
        # Some evaluations have metrics and no loss.
        if "loss" in event or "metrics" not in event:
            self._add_point(name, step, event)
        if isinstance(rows := event.get("row_losses"), list):
            losses = np.array([number(value) for value in rows])
            self.row_losses.setdefault(name, {})[step] = losses
        if isinstance(metrics := event.get("metrics"), dict):
            self.eval_metrics.setdefault(name, MetricBook()).add(step, metrics)
        self.eval_seconds += number(event.get("seconds", 0.0))
        self.eval_count += 1

    def _add_point(self, name: str, step: int, event: Record) -> None:
        point = EvalPoint(
            step, number(event["loss"]), int(event.get("n", 0)), number(event.get("epoch", 0.0))
        )
        points = self.evals.setdefault(name, [])
        _cut(points, step - 1)
        points.append(point)

    def _on_metrics(self, event: Record) -> None:
        self.metrics.add(step_of(event), event["values"])

    def _on_answers(self, event: Record) -> None:
        n, exact, ended = (int(event[key]) for key in ("n", "exact", "ended"))
        if not 0 <= exact <= n or not 0 <= ended <= n:
            raise ValueError("more right answers than answers")
        fields = {
            plain_text.line(str(key)): int(count) for key, count in dict(event.get("fields", {})).items()
        }
        rows = tuple(bool(row) for row in event.get("rows", ()))
        judgeable = min(n, int(event.get("judgeable", 0)))
        point = AnswerPoint(step_of(event), n, exact, ended, fields, rows, judgeable)
        _cut(self.answers, point.step - 1)
        self.answers.append(point)

    def _on_checkpoint(self, event: Record) -> None:
        self._checkpoints[step_of(event)] = None

    def _on_memory(self, event: Record) -> None:
        self.memory = event
        reserved = event.get("reserved_mib")
        if reserved is not None:
            self.memory_points.append(MemoryPoint(self.step, reserved=number(reserved)))

    def _on_resume(self, event: Record) -> None:
        step = step_of(event)
        self._note_resume(step)
        # What ended before goes on now; what was made after the checkpoint is made again.
        self.end, self.error = {}, {}
        self._steps.cut(step)
        for points in self.evals.values():
            _cut(points, step)
        self._samples = {place: one for place, one in self._samples.items() if place[0] <= step}
        _cut(self.answers, step)
        for book in (self.metrics, *self.eval_metrics.values()):
            book.cut(step)

    def _on_sample(self, event: Record) -> None:
        if not isinstance(event["text"], str):
            raise TypeError("an answer that is no text")
        place = (step_of(event), str(event.get("prompt_id")))
        self._samples.pop(place, None)
        self._samples[place] = {**event, "step": place[0]}

    def _on_replan(self, event: Record) -> None:
        self.replans.append(event)
        self.warnings.append({"message": f"Out of memory, planned again: {event.get('plan')}"})

    def _on_warning(self, event: Record) -> None:
        self.warnings.append(event)

    def _on_error(self, event: Record) -> None:
        self.error = event

    def _on_end(self, event: Record) -> None:
        self.end = event
        self.phase = Phase(event["status"])

    def curves(self) -> Curves:
        """What is known now, for judging and drawing; what is folded later does not change it."""
        plan = self.plan
        peak = plan.get("learning_rate")
        kind = plan.get("lr_scheduler_type")
        return Curves(
            train=self.train,
            # A resume may have taken all of a set's evaluations back.
            evals={name: tuple(points) for name, points in self.evals.items() if points},
            checkpoints=tuple(self._checkpoints),
            total_steps=whole(plan.get("total_steps")),
            steps_per_epoch=whole(plan.get("steps_per_epoch")),
            warmup_steps=whole(plan.get("warmup_steps")) or 0,
            trainable_parameters=whole(plan.get("trainable_parameters")),
            is_over=self.phase.is_over,
            row_losses={name: dict(steps) for name, steps in self.row_losses.items()},
            resumed_at=tuple(self._resumed),
            schedule=Schedule(kind, float(peak))
            if isinstance(kind, str) and isinstance(peak, int | float)
            else None,
            memory=tuple(self.memory_points),
            nan_hidden=bool(plan.get("nan_hidden")),
            has_norm_gaps=bool(plan.get("has_norm_gaps")),
            begins_at_step=whole(plan.get("begins_at_step")),
            metrics=self.metrics.curves(),
            eval_metrics={name: book.curves() for name, book in self.eval_metrics.items()},
            answers=tuple(self.answers),
        )


def _cut(points: list[EvalPoint] | list[AnswerPoint], step: int) -> None:
    """Forget the points after a step; they rise."""
    while points and points[-1].step > step:
        points.pop()


def read_history(run: RunDirectory) -> History:
    """The whole history of a run as it is on disk now."""
    history, tail = History(), EventTail(run.events)
    fold_all(history, tail)
    return history


def fold_all(history: History, tail: EventTail) -> int:
    """Fold everything there is; returns how many events and blocks it was."""
    count = 0
    history.expect(tail.left())
    while True:
        batch = tail.batch(READ_BYTES)
        for event in batch:
            history.fold(event)
        count += len(batch)
        if not tail.has_more:
            return count


def number(value: Any) -> float:
    """A number, or one of the strings "NaN", "Infinity", "-Infinity" (jsonl.py). TypeError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError(f"{value!r} is no number")
    return float(value)


def step_of(event: Record) -> int:
    """The step an event is about, 0 before the first. ValueError and others for what cannot be one."""
    step = int(event["step"])
    if not 0 <= step <= MOST_STEPS:
        raise ValueError("a step that cannot be")
    return step


def whole(value: Any) -> int | None:
    """A whole number, or None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
