"""The logs of a Hugging Face Trainer, and of what is built on it, as events of a run.

Every foreign format brings the same thing in the end: a step, and values under the Trainer's names (values.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from runner.foreign.plan import PlanFacts
from runner.foreign.values import Evaluation, evaluations, numbers, train_metrics
from runner.insight.train_curve import STEP_COLUMNS, Column
from runner.store.event_tail import MOST_STEPS
from runner.store.events import SCHEMA, Phase
from runner.store.jsonl import Record

Events = list[Record | Column]

SETS = ("val", "train_probe", "general")


class Logbook:
    """Takes logs in the order they were written, gives events.

    Values of one step may come in several logs. A step that is not after the one before means a resume (History forgets
    what came after it), unless it is the very first step: then the run was begun again, and everything is. Trainers
    that count from 0 have a first step 0; it is told as step 1 unless they log that too.
    """

    def __init__(self, name: str, *, nan_hidden: bool = False) -> None:
        """`nan_hidden`: the log is a stock Trainer's (Facts)."""
        self._nan_hidden = nan_hidden
        self.facts = PlanFacts(nan_hidden)
        self.restarts = 0
        # The source says that it is over; evaluations may still follow, and a resume.
        self.is_complete = False
        self.name = name
        self.renames: Mapping[str, str] = {}
        self._clear()

    def _clear(self) -> None:
        self.step = 0
        self._pending: dict[str, float] = {}
        self._pending_step = -1
        self._pending_time = math.nan
        self._zeroth: tuple[dict[str, float], float] | None = None
        self._keys: set[str] = set()
        self._first = 0
        self._tokens = (0, 0.0)
        self._rows: list[tuple[float, ...]] = []
        self._metrics: list[Record] = []
        self._sets: list[str] = []
        self._evaluated: dict[str, int] = {}
        self._checkpoints: set[int] = set()
        self._plan = PlanFacts().plan()
        self._is_open = False
        self._is_over = False
        self._written: Events = []
        self._taken = 0

    def reset(self) -> None:
        """Forget everything: the source was replaced."""
        self._begin_again()
        self.facts = PlanFacts(self._nan_hidden)

    def _begin_again(self) -> None:
        self._tell_anew()
        self._clear()
        self.is_complete = False
        self.facts.forget_steps()

    def _tell_anew(self) -> None:
        """What was handed out does not hold any more."""
        self.restarts += self._is_open
        self._is_open, self._taken = False, 0

    def add(self, step: int, logs: Mapping[str, Any], t: float = math.nan) -> None:
        """Take one log in; what in it is no number is passed over, and all of it at a step that cannot be. `t` is when
        it was written, in seconds.
        """
        if step > MOST_STEPS:
            return
        if self.renames:
            logs = {self.renames.get(key, key): value for key, value in logs.items()}
        values = numbers(logs)
        if step != self._pending_step:
            self._flush()
        self._pending |= values
        self._pending_step, self._pending_time = step, t

    def add_checkpoints(self, found: Iterable[tuple[int, Path]]) -> None:
        """Take in what was saved; steps after the last known one are left over from an earlier run."""
        known = max(self.step, self._pending_step)
        for step, path in found:
            if step <= known and step not in self._checkpoints:
                self._checkpoints.add(step)
                self._write({"type": "checkpoint", "step": step, "path": str(path)})

    def take(self, *, is_settled: bool = True) -> Events:
        """The events since the last call. When not settled, a step with fewer values than the last one is held back."""
        if is_settled or not self._is_partial():
            self._flush()
        return self.take_flushed()

    def take_flushed(self) -> Events:
        """The same, but for the last step: its values may still change."""
        if self.is_complete and not self._is_over:
            self._flush()
            self._is_over = True
            self._write({"type": "end", "status": Phase.FINISHED.value})
        self._close_block()
        new = self._written[self._taken :]
        self._taken = len(self._written)
        return self._head(bool(new)) + [self._named(event) for event in new]

    def _head(self, is_needed: bool) -> Events:
        """What goes before anything else, and the plan whenever more of it is known."""
        plan = self.facts.plan()
        if plan == self._plan and not (is_needed and not self._is_open):
            return []
        self._plan = plan
        head: Events = [{"type": "plan", **plan}]
        if not self._is_open:
            head[:0] = [
                {"type": "header", "schema": SCHEMA, "run": self.name},
                {"type": "phase", "phase": Phase.TRAINING.value},
            ]
        self._is_open = True
        return head

    def _is_partial(self) -> bool:
        return "loss" in self._pending and not self._keys <= self._pending.keys()

    def _flush(self) -> None:
        """What is pending becomes a row, metrics and evaluations."""
        step, values, t = self._pending_step, self._pending, self._pending_time
        self._pending, self._pending_step = {}, -1
        if not values or step < 0:
            return
        found = evaluations(values, self._sets)
        if self._first > step and any(step <= self._evaluated.get(one.name, -1) for one in found):
            # Evaluated again before its first step: it was begun again.
            self._begin_again()
        metrics = train_metrics(values)
        if "loss" in values:
            self._keys = {key for key in values if not key.startswith("eval_")}
            self._add_train(step, values, t)
        elif metrics:
            self._go_on()
        if metrics:
            self._metrics.append({"type": "metrics", "step": max(1, step), "values": metrics})
        self.step = max(self.step, step)
        for evaluation in found:
            self._add_evaluation(step, evaluation, values.get("epoch", math.nan), t)
        if "train_runtime" in values:
            self.is_complete = True

    def _add_train(self, step: int, values: dict[str, float], t: float) -> None:
        if step < 1:
            self._zeroth = values, t
            return
        zeroth, self._zeroth = self._zeroth, None
        if zeroth is not None and step > 1:
            self._add_row(1, *zeroth)
        self._add_row(step, values, t)

    def _go_on(self) -> None:
        """It was over, and is no longer."""
        if self._is_over:
            self._write({"type": "resume", "step": self.step})
            self._write({"type": "phase", "phase": Phase.TRAINING.value})
            self._is_over = self.is_complete = False

    def _add_row(self, step: int, values: Mapping[str, float], t: float) -> None:
        if self._first and step <= self._first:
            self._begin_again()
        self._go_on()
        self._first = self._first or step
        epoch = values.get("epoch", math.nan)
        self.facts.note_step(step, epoch)
        self.facts.note_norm("grad_norm" in values)
        if self._rows and step <= self._rows[-1][0]:
            self._close_block()
        known = {"step": step, "epoch": epoch, "tokens": self._tokens_a_step(step, values), "time": t}
        self._rows.append(
            tuple(
                known[column.name] if column.name in known else column.in_logs(values)
                for column in STEP_COLUMNS
            )
        )
        self.step = step

    def _tokens_a_step(self, step: int, values: Mapping[str, float]) -> float:
        """From the tokens seen so far; TRL begins to count at 0 again after a resume."""
        seen = values.get("num_tokens", values.get("num_input_tokens_seen"))
        if seen is None:
            return math.nan
        last_step, last_seen = self._tokens
        self._tokens = (step, seen)
        if step <= last_step or seen < last_seen:
            return math.nan
        return (seen - last_seen) / (step - last_step)

    def _add_evaluation(self, step: int, found: Evaluation, epoch: float, t: float) -> None:
        if found.name not in self._sets:
            before = [self._set_name(known) for known in self._sets]
            self._sets.append(found.name)
            if before != [self._set_name(known) for known in self._sets[:-1]]:
                self._tell_anew()
        self._evaluated[found.name] = step
        event: Record = {"type": "eval", "set": found.name, "step": step}
        known = {"loss": found.loss, "n": found.n, "seconds": found.seconds, "metrics": found.metrics or None}
        event |= {key: value for key, value in known.items() if value is not None}
        event |= {key: value for key, value in {"epoch": epoch, "t": t}.items() if math.isfinite(value)}
        self._write(event)

    def _set_name(self, raw: str) -> str:
        """ftui's name of an evaluation set. The only one of unknown name is the held-out one."""
        if raw in SETS:
            return raw
        others = [name for name in self._sets if name not in SETS]
        if not raw or (others == [raw] and "val" not in self._sets):
            return "val"
        return raw

    def _named(self, event: Record | Column) -> Record | Column:
        if isinstance(event, np.ndarray) or event["type"] != "eval":
            return event
        return {**event, "set": self._set_name(event["set"])}

    def _write(self, event: Record) -> None:
        self._close_block()
        self._written.append(event)

    def _close_block(self) -> None:
        if self._rows:
            self._written.append(np.array(self._rows).T)
            self._rows = []
        self._written += self._metrics
        self._metrics = []
