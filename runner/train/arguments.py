"""The preset as the trainer's arguments: every value sent, because defaults differ between versions, and read back."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

import torch
from trl import SFTConfig

from runner.insight.eval_budget import EvalPlan
from runner.preset.schema import Preset
from runner.preset.train_section import TrainSection
from runner.store.directory import RunDirectory
from runner.train.model import compute_dtype

# What of the section `train` other code uses: tokenise.py masks the labels, and __main__.py plans again.
USED_ELSEWHERE = {"assistant_only_loss", "on_out_of_memory"}
# All the rest is sent to the trainer under the same name; one that it does not know ends the run before it begins.
SAME_NAME = tuple(name for name in TrainSection.model_fields if name not in USED_ELSEWHERE)


def build(preset: Preset, run: RunDirectory, schedule: EvalPlan, evals: Collection[str]) -> SFTConfig:
    """SFTConfig for a run that evaluates these sets; the best checkpoint is the one with the least loss on `val`.

    Evaluations without a fixed interval are asked for by the callback; here they come at the last step alone, which the
    trainer evaluates and saves in any case.
    """
    evaluates, judged = bool(evals), "val" in evals
    train = preset.train
    dtype = compute_dtype(preset)
    on_gpu = torch.cuda.is_available()
    eval_batch = preset.eval.per_device_eval_batch_size
    values: dict[str, Any] = {name: getattr(train, name) for name in SAME_NAME}
    values |= {
        "output_dir": str(run.checkpoints),
        "use_cpu": not on_gpu,
        "bf16": dtype == torch.bfloat16,
        "fp16": dtype == torch.float16 and on_gpu,
        "data_seed": train.seed,
        "per_device_eval_batch_size": train.per_device_train_batch_size
        if eval_batch == "auto"
        else eval_batch,
        "eval_packing": False,
        "eval_strategy": "steps" if evaluates else "no",
        "eval_steps": schedule.interval or schedule.total_steps,
        "eval_on_start": evaluates,
        "metric_for_best_model": "eval_val_loss" if judged else None,
        "greater_is_better": False if judged else None,
        "save_strategy": "steps",
        "save_steps": schedule.save_steps or schedule.total_steps,
        "save_total_limit": preset.output.save_total_limit,
        # Every optimizer step, as it was: the stock filter replaces NaN by a mean, and by 0.0 when all are NaN.
        "logging_strategy": "steps",
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "report_to": list(preset.report.report_to) or "none",
        "run_name": preset.report.run_name or run.id,
        "disable_tqdm": True,
        "dataloader_pin_memory": on_gpu,
        # Rows come with finished labels (tokenise.py); these say so instead of relying on defaults.
        "dataset_kwargs": {"skip_prepare_dataset": True},
        "assistant_only_loss": False,
        "completion_only_loss": False,
        "padding_free": False,
        "activation_offloading": False,
        "loss_type": "nll",
        # TRL adds a mixture's balancing loss by itself: no adapter trains a router, and the loss that is recorded would
        # be another than the held-out one.
        "router_aux_loss_coef": 0.0 if preset.lora.use_peft else None,
        "push_to_hub": False,
    }
    known = {field.name for field in dataclasses.fields(SFTConfig)}
    if "activation_checkpointing" in known:
        # transformers ≥ 5.20 renamed it and warns about the old name unless the new one is set.
        values["activation_checkpointing"] = train.gradient_checkpointing
    return SFTConfig(**values)


def effective(args: SFTConfig) -> dict[str, Any]:
    """The arguments as the trainer holds them, as plain values, without tokens."""
    return {
        key: value
        for key, value in args.to_dict().items()
        if isinstance(value, str | int | float | bool | list | type(None)) and "token" not in key
    }


def differences(preset: Preset, args: SFTConfig) -> list[dict[str, Any]]:
    """Where the trainer's value is not the preset's: [{key, wanted, got}]."""
    found = []
    for name in SAME_NAME:
        wanted, got = getattr(preset.train, name), getattr(args, name, None)
        got = getattr(got, "value", got)
        if wanted != got:
            found.append({"key": f"train.{name}", "wanted": wanted, "got": got})
    return found
