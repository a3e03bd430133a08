"""What a foreign run intended: from its own words where it left some, from its logs where not."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from statistics import median
from typing import Any

from runner.store.jsonl import Record, loads

MOST_RATIOS = 64
# Trainers put the largest integer there when the data has no length; epochs mean nothing then.
MOST_EPOCHS = 1_000_000
LEAST_EPOCH = 1e-9
COUNTS = ("per_device_train_batch_size", "gradient_accumulation_steps", "world_size", "trainable_parameters")


class PlanFacts:
    """Collects what is known of a run's intentions.

    A stock Trainer writes 0.0 for a loss that is not finite (logging_nan_inf_filter): for a log that is one's,
    `nan_hidden`, that is assumed until its arguments say otherwise.
    """

    def __init__(self, nan_hidden: bool = False) -> None:
        self.known: Record = {"nan_hidden": nan_hidden}
        self.epochs: float | None = None
        # Whole epochs, counted as they begin or end, say nothing about the steps of one.
        self.counts_epochs = False
        self._max_steps: int | None = None
        self._ratios: deque[float] = deque(maxlen=MOST_RATIOS)
        self._first: list[int] = []
        self._switch: bool | None = None
        # Whether the logs so far had a gradient norm: not all need to.
        self._norms: set[bool] = set()

    def note_step(self, step: int, epoch: float) -> None:
        """A train log was written at this step."""
        if len(self._first) < 2:
            self._first.append(step)
        if LEAST_EPOCH <= epoch <= step and not self.counts_epochs:
            self._ratios.append(step / epoch)

    def note_norm(self, is_there: bool) -> None:
        """A train log was written, with a gradient norm or without."""
        self._norms.add(is_there)
        if len(self._norms) == 2:
            self.known["has_norm_gaps"] = True

    def forget_steps(self) -> None:
        self._ratios.clear()
        self._first = []

    @property
    def begins_at_step(self) -> int | None:
        """The first step, when it is further from 0 than one log is from the next: what came before was not logged."""
        if len(self._first) < 2:
            return None
        first, second = self._first
        return first if second > first and first > 2 * (second - first) else None

    @property
    def steps_per_epoch(self) -> int | None:
        """From step ÷ epoch of the last logs: epochs are rounded in some of them, the median is not moved by that."""
        if not self._ratios or (self.epochs is not None and self.epochs > MOST_EPOCHS):
            return None
        return round(median(self._ratios))

    @property
    def total_steps(self) -> int | None:
        if self._max_steps is not None:
            return self._max_steps
        if self.epochs and (per_epoch := self.steps_per_epoch):
            return math.ceil(self.epochs * per_epoch)
        return None

    def set_total(self, steps: object) -> None:
        """max_steps, when it is one: -1 means that epochs decide."""
        if isinstance(steps, int) and not isinstance(steps, bool) and steps > 0:
            self._max_steps = steps

    def set_epochs(self, epochs: object) -> None:
        if isinstance(epochs, int | float) and not isinstance(epochs, bool) and 0 < epochs < math.inf:
            self.epochs = float(epochs)

    def take_state(self, state: Mapping[str, Any]) -> None:
        """The head of a trainer_state.json."""
        self.set_total(state.get("max_steps"))
        self.set_epochs(state.get("num_train_epochs"))
        for key in ("eval_steps", "logging_steps", "save_steps"):
            self.known[key] = state.get(key)

    def take_arguments(self, arguments: Mapping[str, Any]) -> None:
        """TrainingArguments as a dictionary, or a part of it."""
        self.set_total(arguments.get("max_steps"))
        self.set_epochs(arguments.get("num_train_epochs"))
        for key in ("eval_steps", "logging_steps", "save_steps", "warmup_steps", *COUNTS):
            if key in arguments:
                self.known[key] = arguments[key]
        if isinstance(peak := arguments.get("learning_rate"), int | float) and not isinstance(peak, bool):
            self.known["learning_rate"] = float(peak)
        if isinstance(shape := arguments.get("lr_scheduler_type"), str):
            # Some write the enumeration's name: SchedulerType.COSINE.
            self.known["lr_scheduler_type"] = shape.rpartition(".")[2].lower()
        if isinstance(hidden := arguments.get("logging_nan_inf_filter"), bool):
            self._switch = self.known["nan_hidden"] = hidden
        elif "num_train_epochs" in arguments and "logging_steps" in arguments:
            self.assume_hidden()

    def assume_hidden(self) -> None:
        """The log turned out to be a Trainer's."""
        if self._switch is None:
            self.known["nan_hidden"] = True

    def take_json(self, text: str | bytes) -> bool:
        """TrainingArguments as JSON; whether it was any."""
        try:
            arguments = loads(text.encode() if isinstance(text, str) else text)
        except (ValueError, RecursionError):
            return False
        if not isinstance(arguments, dict):
            return False
        self.take_arguments(arguments)
        return True

    def plan(self) -> Record:
        """The fields of a plan event."""
        total = self.total_steps
        plan = {"total_steps": total, "steps_per_epoch": self.steps_per_epoch}
        if (begins := self.begins_at_step) is not None:
            plan["begins_at_step"] = begins
        for key, value in self.known.items():
            plan[key] = _steps(value, total) if key.endswith("_steps") and key not in COUNTS else value
        return plan


def _steps(value: object, total: int | None) -> int | None:
    """A number of steps; below 1 it is a share of all of them."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    if 0 < value < 1:
        return math.ceil(value * total) if total else None
    return int(value)
