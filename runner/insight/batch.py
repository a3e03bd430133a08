"""Batch and step arithmetic, counted as the trainer counts (transformers 5, Trainer.set_initial_training_values)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.preset.schema import Preset


@dataclass(frozen=True)
class BatchPlan:
    """How many rows and steps a run has.

    effective_batch is rows per optimizer step; steps are optimizer steps; warmup_steps is at least 0.
    """

    per_device: int
    accumulation: int
    world_size: int
    effective_batch: int
    steps_per_epoch: int
    total_steps: int
    warmup_steps: int

    @property
    def spelled_out(self) -> str:
        """'4 × 4 × 1 GPU = 16'."""
        return f"{self.per_device} × {self.accumulation} × {self.world_size} = {self.effective_batch}"


def effective_batch(per_device: int, accumulation: int, world_size: int = 1) -> int:
    """Rows per optimizer step: per-device batch × gradient accumulation × GPUs."""
    return per_device * accumulation * world_size


def plan(
    rows: int,
    per_device: int,
    accumulation: int,
    epochs: float,
    warmup: float = 0.0,
    max_steps: int = -1,
    world_size: int = 1,
) -> BatchPlan:
    """Count steps as the trainer will.

    The last batch of an epoch may be smaller and the last accumulation ragged: both are kept, so an epoch has
    ceil(ceil(rows / (per_device · world)) / accumulation) steps. A positive max_steps wins over epochs. `warmup` below
    1 is a share of all steps, rounded up. ValueError when rows, per_device or accumulation is below 1.
    """
    if min(rows, per_device, accumulation, world_size) < 1:
        raise ValueError("rows, per-device batch, accumulation and GPUs must all be at least 1")
    batches = math.ceil(rows / (per_device * world_size))
    steps_per_epoch = math.ceil(batches / accumulation)
    total = max_steps if max_steps > 0 else math.ceil(epochs * steps_per_epoch)
    warmup_steps = int(warmup) if warmup >= 1 else math.ceil(total * warmup)
    return BatchPlan(
        per_device,
        accumulation,
        world_size,
        effective_batch(per_device, accumulation, world_size),
        steps_per_epoch,
        total,
        warmup_steps,
    )


def plan_of(preset: Preset, rows: int, world_size: int = 1) -> BatchPlan:
    """The plan of a preset for so many training rows (after packing)."""
    train = preset.train
    return plan(
        rows,
        train.per_device_train_batch_size,
        train.gradient_accumulation_steps,
        train.num_train_epochs,
        train.warmup_steps,
        train.max_steps,
        world_size,
    )


def evaluation_interval(total_steps: int, evaluations: int = 10) -> int:
    """Steps between evaluations so that there are about `evaluations` of them; at least 1."""
    return max(1, total_steps // evaluations)


def interval_beside(save_steps: int, total_steps: int) -> int:
    """Steps between evaluations that divide a fixed save interval, so that every checkpoint has a loss of its own."""
    wanted = evaluation_interval(total_steps)
    divisors = [d for d in range(1, save_steps + 1) if save_steps % d == 0]
    return min(divisors, key=lambda d: (abs(math.log(d / wanted)), d))
