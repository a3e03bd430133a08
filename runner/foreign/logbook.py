"""The logs of a Hugging Face Trainer, and of what is built on it, as events of a run.

Every foreign format brings the same thing in the end: a step, and metrics under the Trainer's names (`loss`,
`grad_norm`, `learning_rate`, `epoch`, `mean_token_accuracy`, `num_tokens`, `eval_loss`, `eval_<set>_loss`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from runner.foreign.plan import Facts
from runner.insight.curves import Column
from runner.run.events import SCHEMA, Phase
from runner.run.jsonl import Record

Events = list[Record | Column]

SETS = ("val", "train_probe", "general")
EVAL_LOSS = re.compile(r"eval_(?:(?P<set>.+)_)?loss")


def number(value: object) -> float | None:
    """A value of a log as a number; None for what is none. Trainers print numbers as strings, `nan` among them."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


class Logbook:
    """Takes logs in the order they were written, gives events.

    Values of one step may come in several logs. A step that is not after the one before means a resume (History forgets
    what came after it), unless it is the very first step: then the run was begun again, and everything is.
    """

    def __init__(self, name: str) -> None:
        self.facts = Facts()
        self.restarts = 0
        # The source says that it is complete; without this word a run that reached its last step may still evaluate.
        self.is_complete = False
        self.name = name
        self._clear()

    def _clear(self) -> None:
        self.step = 0
        self._pending: dict[str, float] = {}
        self._pending_step = -1
        self._pending_time = math.nan
        self._keys: set[str] = set()
        self._first = 0
        self._tokens = (0, 0.0)
        self._rows: list[tuple[float, ...]] = []
        self._sets: list[str] = []
        self._checkpoints: set[int] = set()
        self._plan = Facts().plan()
        self._is_open = False
        self._is_over = False
        self._written: Events = []
        self._taken = 0

    def reset(self) -> None:
        """Forget everything: the source was replaced."""
        self._begin_again()
        self.facts = Facts()

    def _begin_again(self) -> None:
        self._tell_anew()
        self._clear()
        self.is_complete = False
        self.facts.forget_epochs()

    def _tell_anew(self) -> None:
        """What was handed out does not hold any more."""
        self.restarts += self._is_open
        self._is_open, self._taken = False, 0

    def add(self, step: int, logs: Mapping[str, Any], t: float = math.nan) -> None:
        """Take one log in; what in it is no number is passed over. `t` is when it was written, in seconds."""
        values = {key: found for key, value in logs.items() if (found := number(value)) is not None}
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
        self._end()
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
        """What is pending becomes a row and evaluations."""
        step, logs, t = self._pending_step, self._pending, self._pending_time
        self._pending, self._pending_step = {}, -1
        if not logs or step < 0:
            return
        if "loss" in logs and step >= 1:
            self._add_row(step, logs, t)
        self.step = max(self.step, step)
        for raw, loss in _eval_losses(logs).items():
            self._add_eval(step, raw, loss, logs, t)
        if "train_runtime" in logs:
            self.is_complete = True

    def _add_row(self, step: int, logs: Mapping[str, float], t: float) -> None:
        if self._first and step <= self._first:
            self._begin_again()
        if self._is_over:
            self._write({"type": "resume", "step": self.step})
            self._write({"type": "phase", "phase": Phase.TRAINING.value})
            self._is_over = self.is_complete = False
        self._first = self._first or step
        self._keys = {key for key in logs if not key.startswith("eval_")}
        epoch = logs.get("epoch", math.nan)
        self.facts.note_epoch(step, epoch)
        if self._rows and step <= self._rows[-1][0]:
            self._close_block()
        self._rows.append(
            (
                step,
                epoch,
                logs["loss"],
                logs.get("learning_rate", math.nan),
                logs.get("grad_norm", math.nan),
                self._tokens_a_step(step, logs),
                math.nan,
                logs.get("mean_token_accuracy", math.nan),
                t,
            )
        )
        self.step = step

    def _tokens_a_step(self, step: int, logs: Mapping[str, float]) -> float:
        """From the tokens seen so far; TRL begins to count at 0 again after a resume."""
        seen = logs.get("num_tokens", logs.get("num_input_tokens_seen"))
        if seen is None:
            return math.nan
        last_step, last_seen = self._tokens
        self._tokens = (step, seen)
        if step <= last_step or seen < last_seen:
            return math.nan
        return (seen - last_seen) / (step - last_step)

    def _add_eval(self, step: int, raw: str, loss: float, logs: Mapping[str, float], t: float) -> None:
        if raw not in self._sets:
            before = [self._set_name(known) for known in self._sets]
            self._sets.append(raw)
            if before != [self._set_name(known) for known in self._sets[:-1]]:
                self._tell_anew()
        prefix = f"eval_{raw}_" if raw else "eval_"
        event: Record = {"type": "eval", "set": raw, "step": step, "loss": loss}
        if math.isfinite(epoch := logs.get("epoch", math.nan)):
            event["epoch"] = epoch
        seconds, rate = (logs.get(prefix + key, math.nan) for key in ("runtime", "samples_per_second"))
        if math.isfinite(seconds):
            event["seconds"] = seconds
        if math.isfinite(seconds * rate):
            event["n"] = round(seconds * rate)
        if math.isfinite(t):
            event["t"] = t
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

    def _end(self) -> None:
        total = self.facts.total_steps
        if self.is_complete and not self._is_over and total is not None and self.step >= total:
            self._is_over = True
            self._write({"type": "end", "status": Phase.FINISHED.value})

    def _write(self, event: Record) -> None:
        self._close_block()
        self._written.append(event)

    def _close_block(self) -> None:
        if self._rows:
            self._written.append(np.array(self._rows).T)
            self._rows = []


def _eval_losses(logs: Mapping[str, float]) -> dict[str, float]:
    """The losses of evaluations by the name of their set, `` for the only one.

    Metrics may be called eval_kl_loss and the like: beside eval_loss a set is known by a duration of its own.
    """
    losses = {}
    for key, loss in logs.items():
        match = EVAL_LOSS.fullmatch(key)
        if match is None:
            continue
        name = match["set"] or ""
        if not name or "eval_loss" not in logs or f"eval_{name}_runtime" in logs:
            losses[name] = loss
    return losses
