"""Axolotl 0.19: one YAML file of flat keys, `axolotl train x.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.preset.other_tools.said import unsupported
from runner.preset.other_tools.sources import TRAINED_ON, builder, named_columns, own_sources
from runner.preset.other_tools.tool import (
    CADENCE,
    Settings,
    Tool,
    cadence,
    held_out_rows,
    is_evaluated,
    set_ones,
    warmup,
)

# The name of each of our columns in an entry of `datasets`.
_COLUMNS = {
    "messages": "field_messages",
    "text": "field",
    "instruction": "field_instruction",
    "input": "field_input",
    "output": "field_output",
    "system": "field_system",
    "tools": "field_tools",
}
_PRECISION: Mapping[str, Mapping[str, Any]] = {
    "auto": {"bf16": "auto", "fp16": False},
    "bfloat16": {"bf16": True, "fp16": False},
    "float16": {"bf16": False, "fp16": True},
    "float32": {"bf16": False, "fp16": False},
}


def _makes(settings: Settings) -> Mapping[str, Any]:
    template = settings["model.chat_template_path"]
    timing = cadence(settings)
    made: dict[str, Any] = {
        "chat_template": "jinja" if template else "tokenizer_default",
        **set_ones({"chat_template_jinja": template}),
        **_adapter(settings),
        **_PRECISION[settings["model.dtype"]],
        **_data(settings),
        **warmup(settings),
        "group_by_length": settings["train.train_sampling_strategy"] == "group_by_length",
        # Held-out rows are never packed, so that losses compare.
        "eval_sample_packing": False,
        # Without it rows that are too long are dropped.
        "excess_length_strategy": "truncate",
        **{key: value for key, value in timing.items() if not key.endswith("strategy")},
        **{f"use_{name}": True for name in settings["report.report_to"]},
        **set_ones(
            {
                "neftune_noise_alpha": settings["train.neftune_noise_alpha"],
                "wandb_name": settings["report.run_name"],
            }
        ),
        "output_dir": "./outputs",
        "dataset_prepared_path": "./prepared",
    }
    if settings["train.max_steps"] > 0:
        made["max_steps"] = settings["train.max_steps"]
    if (batch := settings["eval.per_device_eval_batch_size"]) != "auto":
        made["eval_batch_size"] = batch
    return made


def _adapter(settings: Settings) -> dict[str, Any]:
    four, eight = settings["quantization.load_in_4bit"], settings["quantization.load_in_8bit"]
    targets = settings["lora.target_modules"]
    if not settings["lora.use_peft"]:
        return {"adapter": None, "load_in_4bit": four, "load_in_8bit": eight}
    layers = {"lora_target_linear": True} if targets == "all-linear" else {"lora_target_modules": targets}
    quantised: dict[str, Any] = {
        "bnb_config_kwargs": {
            "bnb_4bit_quant_type": settings["quantization.bnb_4bit_quant_type"],
            "bnb_4bit_use_double_quant": settings["quantization.bnb_4bit_use_double_quant"],
        }
    }
    return {
        "adapter": "qlora" if four else "lora",
        "load_in_4bit": four,
        "load_in_8bit": eight,
        **(quantised if four else {}),
        **layers,
        **set_ones({"lora_modules_to_save": settings["lora.modules_to_save"]}),
    }


def _data(settings: Settings) -> dict[str, Any]:
    made: dict[str, Any] = {"datasets": [_entry(source) for source in own_sources(settings)]}
    held_out = held_out_rows(settings)
    if held_out is not None:
        source = dict(zip(("dataset", "split"), held_out, strict=True))
        made["test_datasets"] = [_entry({**source, "columns": settings["data.columns"]})]
    else:
        made["val_set_size"] = settings["data.eval_fraction"] if is_evaluated(settings) else 0.0
    return made


def _entry(source: Mapping[str, Any]) -> dict[str, Any]:
    columns = source["columns"]
    named = {_COLUMNS[ours]: theirs for ours, theirs in columns.items() if ours in _COLUMNS}
    kind = "completion" if "text" in columns else "alpaca" if "instruction" in columns else "chat_template"
    return {
        "path": source["dataset"],
        **set_ones({"ds_type": builder(source["dataset"]), "name": source.get("dataset_config_name")}),
        "split": source["split"],
        "type": kind,
        **named,
    }


def _lacks(settings: Settings) -> frozenset[str]:
    return frozenset() if named_columns(settings) <= set(_COLUMNS) else frozenset({"data.columns"})


AXOLOTL = Tool(
    "axolotl",
    "Axolotl",
    marks="base_model sequence_len micro_batch_size num_epochs sample_packing lora_target_linear val_set_size "
    "pad_to_sequence_len adapter optimizer lr_scheduler dataset_prepared_path evals_per_epoch saves_per_epoch "
    "eval_sample_packing special_tokens train_on_inputs gradient_checkpointing_kwargs",
    # axolotl/utils/schemas of 0.19.0
    defaults={
        "adapter": None,
        "load_in_4bit": False,
        "load_in_8bit": False,
        "lora_dropout": 0.0,
        "sequence_len": 512,
        "micro_batch_size": 1,
        "gradient_accumulation_steps": 1,
        "num_epochs": 1.0,
        "optimizer": "adamw_torch_fused",
        "lr_scheduler": "cosine",
        "warmup_ratio": 0.03,
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "train_on_inputs": False,
        "sample_packing": False,
        "gradient_checkpointing": False,
        "seed": 42,
        "val_set_size": 0.0,
        "save_total_limit": 4,
        "load_best_model_at_end": False,
    },
    own={
        "model_config": unsupported(
            "The model's config.json is used; change it in a local copy of the model."
        ),
        "batch_size": unsupported(
            "It is train.per_device_train_batch_size × train.gradient_accumulation_steps."
        ),
    },
    writes={
        "model.model_name_or_path": "base_model",
        "model.revision": "revision_of_model",
        "model.trust_remote_code": "trust_remote_code",
        "model.attn_implementation": "attn_implementation",
        "lora.r": "lora_r",
        "lora.lora_alpha": "lora_alpha",
        "lora.lora_dropout": "lora_dropout",
        "lora.use_rslora": "peft_use_rslora",
        "lora.use_dora": "peft_use_dora",
        "train.num_train_epochs": "num_epochs",
        "train.per_device_train_batch_size": "micro_batch_size",
        "train.gradient_accumulation_steps": "gradient_accumulation_steps",
        "train.learning_rate": "learning_rate",
        "train.lr_scheduler_type": "lr_scheduler",
        "train.weight_decay": "weight_decay",
        "train.max_grad_norm": "max_grad_norm",
        "train.optim": "optimizer",
        "train.max_length": "sequence_len",
        "train.packing": "sample_packing",
        "train.assistant_only_loss": "train_on_inputs",
        "train.gradient_checkpointing": "gradient_checkpointing",
        "train.dataloader_num_workers": "dataloader_num_workers",
        "train.seed": "seed",
        "output.save_total_limit": "save_total_limit",
        "report.logging_steps": "logging_steps",
    },
    makes=_makes,
    made_of={
        "model.chat_template_path": "chat_template_jinja",
        "model.dtype": "bf16 fp16",
        "quantization.load_in_4bit": "adapter load_in_4bit",
        "quantization.load_in_8bit": "load_in_8bit",
        "quantization.bnb_4bit_quant_type": "bnb_config_kwargs",
        "quantization.bnb_4bit_use_double_quant": "bnb_config_kwargs",
        "lora.use_peft": "adapter",
        "lora.target_modules": "lora_target_linear lora_target_modules",
        "lora.modules_to_save": "lora_modules_to_save",
        "train.warmup_steps": "warmup_ratio warmup_steps",
        "train.max_steps": "max_steps",
        "train.train_sampling_strategy": "group_by_length",
        "train.neftune_noise_alpha": "neftune_noise_alpha",
        **dict.fromkeys(TRAINED_ON, "datasets"),
        "data.eval_dataset": "test_datasets",
        "data.eval_split": "test_datasets",
        "data.eval_fraction": "val_set_size",
        "eval.per_device_eval_batch_size": "eval_batch_size",
        **CADENCE,
        "report.report_to": "use_wandb use_tensorboard use_trackio",
        "report.run_name": "wandb_name",
    },
    lacks=_lacks,
    start="axolotl train {file} --launcher python",
)
