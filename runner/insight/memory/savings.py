"""What saves memory: changes of a preset, most harmless first."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from runner.insight.memory.inputs import MemoryInputs

# Preset keys and the values they are to have.
Changes = tuple[tuple[str, object], ...]


def with_batch(setup: MemoryInputs, batch: int, accumulation: int | None = None) -> MemoryInputs:
    """A setup with another per-device batch, and the evaluation batch with it if it was the same."""
    follows = setup.eval_batch == setup.batch
    return replace(
        setup,
        batch=batch,
        eval_batch=batch if follows else setup.eval_batch,
        micro_steps=setup.micro_steps if accumulation is None else accumulation,
    )


def levers(setup: MemoryInputs) -> Iterator[tuple[str, Changes, MemoryInputs]]:
    """Changes that may save memory without changing what is learned much: (words, preset changes, setup after)."""
    if setup.batch > 1:
        rows = setup.batch * setup.micro_steps
        half = max(d for d in range(1, setup.batch // 2 + 1) if rows % d == 0)
        more = rows // half
        yield (
            f"same effective batch as {half} × {more}",
            (
                ("train.per_device_train_batch_size", half),
                ("train.gradient_accumulation_steps", more),
                *((("eval.per_device_eval_batch_size", "auto"),) if setup.eval_batch == setup.batch else ()),
            ),
            with_batch(setup, half, more),
        )
    if not setup.checkpointing:
        yield (
            "gradient_checkpointing on (a fifth to a third slower)",
            (("train.gradient_checkpointing", True),),
            replace(setup, checkpointing=True),
        )
    if setup.dropout:
        yield "lora_dropout 0", (("lora.lora_dropout", 0.0),), replace(setup, dropout=False)
    if setup.eval_batch > setup.batch:
        yield (
            f"evaluation batch {setup.eval_batch} → {setup.batch}",
            (("eval.per_device_eval_batch_size", setup.batch),),
            replace(setup, eval_batch=setup.batch),
        )
    if setup.quantization == "none" and not setup.trains_all and setup.weight_bytes == 2:
        yield (
            "4-bit weights (QLoRA)",
            (("quantization.load_in_4bit", True),),
            replace(setup, quantization="nf4-dq", adapter_bytes=2),
        )
    if setup.weight_bytes == 4 and not setup.trains_all:
        yield (
            "16 bits instead of float32",
            (("model.dtype", "auto"),),
            replace(
                setup, weight_bytes=2, stream_bytes=2, adapter_bytes=4 if setup.quantization == "none" else 2
            ),
        )
    if setup.eager:
        yield "sdpa attention", (("model.attn_implementation", "sdpa"),), replace(setup, eager=False)


def last_resorts(setup: MemoryInputs) -> Iterator[tuple[str, Changes, MemoryInputs]]:
    """Changes that save memory and change what is learned."""
    if setup.length > 512:
        shorter = 2 ** math.ceil(math.log2(setup.length) - 1)
        yield (
            f"max_length {shorter} (rows beyond are cut)",
            (("train.max_length", shorter),),
            replace(setup, length=shorter, eval_length=min(shorter, setup.eval_length)),
        )
    if setup.trains_all:
        yield (
            "a LoRA adapter instead of every weight",
            (("lora.use_peft", True), ("train.learning_rate", 2e-4)),
            replace(
                setup,
                trains_all=False,
                targets=setup.architecture.linear_names,
                weight_bytes=2,
                stream_bytes=2,
                adapter_bytes=4,
            ),
        )
