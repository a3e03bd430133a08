"""What is usual, by method: learning rates, batches, warm-up. The one place for these numbers."""

from __future__ import annotations

from dataclasses import dataclass

from runner.preset.schema import Method, Preset


@dataclass(frozen=True)
class Range:
    """A usual range, both ends included, and what most people start with."""

    low: float
    high: float
    usual: float


# QLoRA paper and TRL's LoRA guide: adapters want about ten times the rate of full fine-tuning.
LEARNING_RATE: dict[Method, Range] = {
    "QLoRA": Range(1e-4, 3e-4, 2e-4),
    "LoRA 8-bit": Range(1e-4, 3e-4, 2e-4),
    "LoRA": Range(1e-4, 3e-4, 2e-4),
    "full fine-tuning": Range(1e-5, 5e-5, 2e-5),
}
# LoRA tolerates large batches less than full fine-tuning does, whatever the rank.
EFFECTIVE_BATCH = Range(8, 32, 16)
EPOCHS = Range(1, 5, 2)
WARMUP_SHARE = Range(0.03, 0.10, 0.03)
WARMUP_STEPS = Range(10, 100, 10)
LEAST_STEPS = 50
LEAST_EVALUATIONS = 5
# Lion wants a rate three to ten times lower than AdamW.
LION = 10
# Below this the usual rates do not apply: the demo's model wants ten times more.
SMALL_MODEL = 50_000_000


def learning_rate(preset: Preset, parameters: int | None) -> Range | None:
    """The usual rates for a preset; None for models too small for them."""
    if parameters is not None and parameters < SMALL_MODEL:
        return None
    return LEARNING_RATE[preset.method]
