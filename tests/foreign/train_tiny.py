"""Two real runs of the Hugging Face Trainer on the CPU, with every trace it can leave.

`python -m tests.foreign.train_tiny FOLDER` makes FOLDER/overfit and FOLDER/diverged: checkpoints with their
trainer_state.json, TensorBoard events in runs/, what was printed in train.log, and a trainer_log.jsonl as LLaMA-Factory
writes it (its callback's fields, from the same logs).
"""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainerCallback, TrainingArguments

VOCABULARY = 64
LENGTH = 24
SPOILT_AFTER = 90


class Rows(torch.utils.data.Dataset[dict[str, Any]]):  # type: ignore[misc]
    """Random tokens, low ones much likelier: how likely each is can be learned, the rows can only be memorised."""

    def __init__(self, count: int, seed: int) -> None:
        chances = torch.arange(1, VOCABULARY + 1).float() ** -1.2
        generator = torch.Generator().manual_seed(seed)
        self.tokens = torch.multinomial(
            chances.repeat(count, 1), LENGTH, replacement=True, generator=generator
        )

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"input_ids": self.tokens[index], "labels": self.tokens[index]}


class LlamaFactoryLog(TrainerCallback):  # type: ignore[misc]
    """The fields of LLaMA-Factory's LogCallback, None left out, one line at each log."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        line = {
            "current_steps": state.global_step,
            "total_steps": state.max_steps,
            "loss": logs.get("loss"),
            "eval_loss": logs.get("eval_loss"),
            "lr": logs.get("learning_rate"),
            "epoch": logs.get("epoch"),
            "percentage": round(state.global_step / state.max_steps * 100, 2),
            "elapsed_time": "0:00:00",
            "remaining_time": "0:00:00",
        }
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({k: v for k, v in line.items() if v is not None}) + "\n")


class Spoil(TrainerCallback):  # type: ignore[misc]
    """Makes a weight infinite, as an overflow would."""

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        if state.global_step == SPOILT_AFTER:
            with torch.no_grad():
                model.lm_head.weight[0, 0] = math.inf


def print_into(path: Path) -> None:
    """What is printed goes into a file, as `> train.log 2>&1` with PYTHONUNBUFFERED has it."""
    sys.stdout.flush()
    sys.stderr.flush()
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]


def train(folder: Path, callbacks: list[Any], **settings: Any) -> None:
    folder.mkdir(parents=True)
    print_into(folder / "train.log")
    torch.manual_seed(1)
    torch.set_num_threads(1)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=LENGTH,
        bos_token_id=0,
        eos_token_id=1,
    )
    arguments = TrainingArguments(
        output_dir=str(folder),
        use_cpu=True,
        per_device_train_batch_size=4,
        num_train_epochs=30,
        learning_rate=6e-3,
        lr_scheduler_type="cosine",
        warmup_steps=4,
        eval_strategy="steps",
        save_strategy="steps",
        save_steps=36,
        save_only_model=True,
        **{"report_to": ["tensorboard"], **settings},
    )
    Trainer(
        model=LlamaForCausalLM(config),
        args=arguments,
        train_dataset=Rows(24, 1),
        eval_dataset=Rows(32, 2),
        callbacks=[LlamaFactoryLog(folder / "trainer_log.jsonl"), *callbacks],
    ).train()


def main(folder: Path) -> None:
    train(folder / "overfit", [], logging_steps=2, eval_steps=12)
    train(folder / "diverged", [Spoil()], logging_steps=1, eval_steps=18, disable_tqdm=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
