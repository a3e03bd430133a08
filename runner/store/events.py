"""The events of a run, one JSON object a line in events.jsonl.

Every event has `type` and `t` (seconds since the epoch). The first line is a header with the schema's version. Fields
may be added; the meaning of one is never changed. Units are in the names: `_s` seconds, `_mib` MiB; losses are in nats
a token.

    header      schema, run
    start       warm (its processes were started ahead), why (where they were not)
    phase       phase
    plan        total_steps, steps_per_epoch, warmup_steps, eval_steps, save_steps, per_device_train_batch_size,
                gradient_accumulation_steps, world_size, trainable_parameters, total_parameters, method, device, dtype,
                ledger, learning_rate, lr_scheduler_type, logging_steps,
                eval_fingerprints (of each set, and of the questions as `answers`),
                eval_grid (the steps that are evaluated, where eval_steps is null), eval_rows, probe_rows (each time),
                answered_at (null: at every evaluation), eval_share (of the run's compute, as planned),
                begins_at_step (where the start was not seen)
    effective   arguments (as the trainer holds them), differences (key, wanted, got)
    step        the columns of runner/insight/train_curve.py: step, epoch, loss (of this optimizer step), lr,
                grad_norm (before clipping), tokens, step_s, accuracy
    eval        set (val | train_probe | general | another name), step, epoch, loss (may be missing where there are
                metrics), n, tokens, seconds,
                row_losses (of each row, for sets of at most 512), metrics (name: number, as accuracy or rouge1)
    metrics     step, values (name: number; what a trainer of another kind logs beside the loss: reward, kl)
    answers     step, n, exact, ended, judgeable (rows of which exact match says something), fields (name: right ones),
                rows (whether each was exact), seconds
    sample      step, prompt_id, prompt, text, expected, seconds,
                copied (row, start, end: characters of text found in a row; words)
    memory      at, allocated_mib, reserved_mib, peak_allocated_mib, peak_reserved_mib, rss_mib, nvml_mib
    checkpoint  step, path, best
    resume      step (the last one before)
    replan      at (evaluation | anything else), plan (words: '4 × 4 = 16 → 2 × 8 = 16'), per_device, accumulation,
                eval_batch
    warning     id, message
    error       class, message, hint, at (the phase)
    end         status (finished | stopped | failed), reason, best_step, best_loss, saved;
                from the supervisor exit_code instead of the last three, from a probe hint
"""

from __future__ import annotations

import time
from enum import StrEnum
from typing import Any

from runner.store.directory import RunDirectory
from runner.store.jsonl import LineWriter

SCHEMA = 1


class Phase(StrEnum):
    """Where a run is in its life."""

    QUEUED = "queued"
    STARTING = "starting"
    LOADING = "loading model"
    TOKENISING = "tokenising"
    TRAINING = "training"
    EVALUATING = "evaluating"
    SAVING = "saving"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    LOST = "lost"

    @property
    def is_over(self) -> bool:
        return self in (Phase.FINISHED, Phase.STOPPED, Phase.FAILED, Phase.LOST)


class EventLog:
    """Appends events to a run. Both trainer and supervisor hold one; whole lines keep them apart."""

    def __init__(self, run: RunDirectory, patient: bool = False) -> None:
        """A trainer's is `patient`: a full disk must not end it (jsonl.LineWriter)."""
        fresh = not run.events.exists() or run.events.stat().st_size == 0
        self._writer = LineWriter(run.events, patient)
        self.last_phase: Phase | None = None
        if fresh:
            self.append("header", schema=SCHEMA, run=run.id)

    def append(self, type_: str, **fields: Any) -> None:
        self._writer.append({"type": type_, "t": round(time.time(), 3), **fields})

    def phase(self, phase: Phase) -> None:
        self.last_phase = phase
        self.append("phase", phase=phase.value)

    def close(self) -> None:
        self._writer.close()
