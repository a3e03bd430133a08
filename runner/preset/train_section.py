"""The section that says how the weights are moved: batch, rate, schedule, length."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from runner.preset.section import Section

Optimizer = Literal[
    "adamw_torch_fused",
    "adamw_torch",
    "adamw_8bit",
    "paged_adamw_8bit",
    "paged_adamw_32bit",
    "lion_8bit",
    "adafactor",
    "sgd",
]
Scheduler = Literal[
    "linear",
    "cosine",
    "constant",
    "constant_with_warmup",
    "polynomial",
    "inverse_sqrt",
]


class TrainSection(Section):
    """The optimisation."""

    num_train_epochs: float = Field(default=1.0, gt=0.0, le=1000.0)
    """Passes over the training rows. 1 to 3 suits most fine-tuning; more than 5 usually overfits."""

    max_steps: int = Field(default=-1, ge=-1)
    """Stop after this many optimizer steps, whatever the epochs say. -1: go by epochs."""

    per_device_train_batch_size: int = Field(default=4, ge=1, le=4096)
    """Rows per forward pass on the GPU. Limited by memory; raise accumulation instead when it does not fit."""

    gradient_accumulation_steps: int = Field(default=4, ge=1, le=4096)
    """Forward passes per optimizer step. Effective batch = this × per-device batch size × GPUs."""

    learning_rate: float = Field(default=2e-4, gt=0.0, le=1.0)
    """Peak step size, the most important setting. QLoRA 2e-4, LoRA 1e-4 to 3e-4, full fine-tuning 1e-5 to 5e-5."""

    lr_scheduler_type: Scheduler = "linear"
    """How the learning rate falls after warm-up."""

    warmup_steps: float = Field(default=0.03, ge=0.0)
    """Steps over which the learning rate rises from zero. Below 1 it is a share of all steps (0.03 = 3 %)."""

    weight_decay: float = Field(default=0.0, ge=0.0, le=1.0)
    """Pull of the trained weights towards zero (AdamW)."""

    max_grad_norm: float = Field(default=1.0, ge=0.0)
    """Gradients longer than this are scaled down. 0 switches clipping off."""

    optim: Optimizer = "adamw_torch_fused"
    """Optimizer, by the trainer's name. For LoRA its state is small, so 8-bit or paged ones save little."""

    max_length: int = Field(default=2048, ge=8)
    """Rows longer than this many tokens are cut at the end; how many were cut is recorded."""

    packing: bool = False
    """Join short rows to full-length ones. Much faster on short rows, and memory per batch is then always the
    maximum."""

    packing_strategy: Literal["bfd", "bfd_split"] = "bfd"
    """bfd packs whole rows (best fit decreasing); bfd_split also splits rows longer than max_length."""

    assistant_only_loss: bool = True
    """Learn only from what the assistant says, not from the questions. Plain text rows are learned whole."""

    gradient_checkpointing: bool = True
    """Recompute activations in the backward pass: far less memory for about a fifth more time."""

    train_sampling_strategy: Literal["random", "group_by_length"] = "random"
    """Order of the rows. group_by_length saves padding, and makes the loss curve wavy."""

    neftune_noise_alpha: float | None = Field(default=None, gt=0.0)
    """Noise added to the embeddings (NEFTune), 5 is usual. Leave empty for none."""

    on_out_of_memory: Literal["replan", "fail"] = "replan"
    """When memory runs out: replan goes on from the last checkpoint with a smaller per-device batch and as much more
    accumulation, so that the effective batch stays. fail ends the run."""

    dataloader_num_workers: int = Field(default=0, ge=0, le=64)
    """Processes that prepare batches. Rows are tokenised beforehand, so 0 is usually enough."""

    seed: int = Field(default=42, ge=0)
    """Seed of the adapter's start, the order of rows, the split and the dropout."""

    @model_validator(mode="after")
    def _whole_warmup(self) -> TrainSection:
        if self.warmup_steps >= 1 and self.warmup_steps != int(self.warmup_steps):
            raise ValueError(
                f"warmup_steps is {self.warmup_steps}; at 1 or above it counts steps and must be a whole number"
            )
        return self
