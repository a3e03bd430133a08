"""What happens at every step besides training: it is recorded, and requests are obeyed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from transformers import TrainerCallback
from transformers.trainer_utils import IntervalStrategy

from runner.insight.eval_budget import EvalPlan
from runner.insight.train_curve import logged
from runner.preset.schema import Preset
from runner.store import requests
from runner.store.directory import RunDirectory
from runner.store.events import EventLog, Phase
from runner.store.requests import Request
from runner.train import arguments
from runner.train.memory import MemoryBook
from runner.train.order import RowRecord
from runner.train.place import Place
from runner.train.stop_flag import StopFlag

# How often memory is noted while training goes on: enough to see it grow.
MEMORY_STEPS = 50


class RunCallback(TrainerCallback):
    """Writes step, memory and checkpoint events, and takes requests at every step."""

    def __init__(
        self,
        preset: Preset,
        run: RunDirectory,
        log: EventLog,
        stop: StopFlag,
        memory: MemoryBook,
        schedule: EvalPlan,
        rows: RowRecord | None = None,
    ) -> None:
        self._preset = preset
        self._run = run
        self._place = Place(run)
        self._log = log
        self._stop = stop
        self._memory = memory
        self._schedule = schedule
        self._rows = rows
        # Set once there is a trainer: answers the sample prompts at a step.
        self.sample: Callable[[int], None] | None = None
        self._started = time.monotonic()
        self._step_seconds = 0.0
        self._tokens_before = 0.0
        self._training = False

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        wrong = arguments.differences(self._preset, args)
        self._log.append("effective", arguments=arguments.effective(args), differences=wrong)
        for difference in wrong:
            message = "{key}: the preset says {wanted}, the trainer uses {got}".format(**difference)
            self._log.append("warning", id="effective", message=message)
        self._memory.note("loaded")
        # A checkpoint brings the intervals it was made with.
        state.eval_steps, state.save_steps = args.eval_steps, args.save_steps

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if not self._training:
            self._log.phase(Phase.TRAINING)
            self._training = True
        self._started = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if torch.cuda.is_available():
            # The GPU works behind the program; the loss, which is read next, would wait for it anyway.
            torch.cuda.synchronize()
        self._step_seconds = time.monotonic() - self._started
        self._place.ensure_there()
        if self._rows is not None:
            self._rows.append(state.global_step)
        if state.global_step % MEMORY_STEPS == 0:
            self._memory.note("steps")
        if self._schedule.interval is None and self._schedule.is_due(state.global_step):
            control.should_evaluate = args.eval_strategy != IntervalStrategy.NO
            control.should_save = control.should_save or self._schedule.save_steps is None
        reason = requests.reason_of(self._run, Request.STOP)
        asked = requests.take(self._run)
        if Request.STOP in asked or self._stop.requested:
            control.should_training_stop = control.should_save = True
            self._stop.request(reason)
        if Request.SAVE in asked:
            control.should_save = True
        if Request.EVALUATE in asked:
            control.should_evaluate = True
        if Request.SAMPLE in asked and self.sample is not None:
            self._training = False
            self.sample(state.global_step)

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        if not logs or "loss" not in logs:
            return
        tokens = float(logs.get("num_tokens", 0.0))
        self._log.append(
            "step",
            step=state.global_step,
            epoch=round(float(state.epoch), 4),
            tokens=round(tokens - self._tokens_before),
            step_s=round(self._step_seconds, 4),
            **logged(logs),
        )
        rate = (tokens - self._tokens_before) / max(self._step_seconds, 1e-9)
        self._tokens_before = tokens
        if state.global_step == 1:
            self._memory.note("first step")
        if state.global_step % self._preset.report.logging_steps == 0 or state.global_step in (
            1,
            state.max_steps,
        ):
            print(
                f"step {state.global_step}/{state.max_steps}  epoch {state.epoch:.2f}  loss {logs['loss']:.4f}  "
                f"lr {logs['learning_rate']:.2e}  grad {logs.get('grad_norm', float('nan')):.2f}  {rate:,.0f} tok/s",
                flush=True,
            )

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._training = False
        self._memory.note("evaluation")

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._training = False
