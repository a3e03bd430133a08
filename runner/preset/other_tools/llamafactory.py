"""LLaMA-Factory 0.9.5: one YAML or JSON file of flat keys, `llamafactory-cli train x.yaml`, and dataset_info.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.preset.other_tools.said import by_itself
from runner.preset.other_tools.sources import TRAINED_ON, named_columns, own_sources
from runner.preset.other_tools.tool import (
    CADENCE,
    TRAINING_ARGUMENTS,
    Settings,
    Tool,
    cadence,
    held_out_rows,
    is_evaluated,
    precision,
    set_ones,
    whole_warmup,
)

DATASET_INFO = "dataset_info.json"
# What a column is called in dataset_info.json, and what it is here.
COLUMNS = {
    "prompt": "instruction",
    "query": "input",
    "response": "output",
    "messages": "messages",
    "system": "system",
    "history": "history",
    "tools": "tools",
    "chosen": "chosen",
    "rejected": "rejected",
}
_ATTENTION = {"sdpa": "sdpa", "flash_attention_2": "fa2", "eager": "disabled"}
_TAGS = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "system_tag": "system",
}


def _makes(settings: Settings) -> Mapping[str, Any]:
    names = list(dataset_info(settings))
    held_out = [name for name in names if name == "held_out"]
    bits = {True: 4, False: None}[settings["quantization.load_in_4bit"]]
    bits = 8 if settings["quantization.load_in_8bit"] else bits
    turns = settings["data.assistant_turns"]
    batch = settings["eval.per_device_eval_batch_size"]
    made: dict[str, Any] = {
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "lora" if settings["lora.use_peft"] else "full",
        "quantization_bit": bits,
        "flash_attn": _ATTENTION[settings["model.attn_implementation"]],
        "dataset": ",".join(name for name in names if name not in held_out),
        "packing": settings["train.packing"],
        "neat_packing": settings["train.packing"],
        **set_ones(
            {
                "eval_dataset": ",".join(held_out) or None,
                "max_samples": settings["data.max_train_samples"],
                "mask_history": {"auto": None, "last": True, "all": False}[turns],
                "additional_target": ",".join(settings["lora.modules_to_save"]) or None,
                "neftune_noise_alpha": settings["train.neftune_noise_alpha"],
                "run_name": settings["report.run_name"],
                "per_device_eval_batch_size": None if batch == "auto" else batch,
            }
        ),
        **(
            {}
            if held_out
            else {"val_size": settings["data.eval_fraction"] if is_evaluated(settings) else 0.0}
        ),
        **precision(settings),
        # transformers takes a share here since 5.0, and later ones know no warmup_ratio.
        "warmup_steps": whole_warmup(settings),
        **cadence(settings),
        "report_to": settings["report.report_to"] or "none",
        "output_dir": "./outputs",
        # Without it a folder that holds checkpoints is gone on with.
        "overwrite_output_dir": True,
    }
    return made


def dataset_info(settings: Settings) -> dict[str, Any]:
    """What dataset_info.json must have: 'train', 'train_2' … and 'held_out', each with its file and columns."""
    found: dict[str, Any] = {}
    for number, source in enumerate(own_sources(settings), start=1):
        found["train" if number == 1 else f"train_{number}"] = _described(source)
    if (held_out := held_out_rows(settings)) is not None:
        source = dict(zip(("dataset", "split"), held_out, strict=True))
        found["held_out"] = _described({**source, "columns": settings["data.columns"]})
    return found


def _described(source: Mapping[str, Any]) -> dict[str, Any]:
    place = {"file_name" if source["dataset"].startswith("/") else "hf_hub_url": source["dataset"]}
    theirs = {ours: theirs for theirs, ours in COLUMNS.items()}
    columns = {theirs[ours]: name for ours, name in source["columns"].items() if ours in theirs}
    extra = set_ones({"subset": source.get("dataset_config_name"), "num_samples": source.get("max_rows")})
    extra |= {} if source["split"] == "train" else {"split": source["split"]}
    if "prompt" in columns or "response" in columns:
        return {**place, **extra, "formatting": "alpaca", "columns": columns}
    return {
        **place,
        **extra,
        "formatting": "sharegpt",
        "columns": {"messages": "messages", **columns},
        "tags": _TAGS,
    }


def _lacks(settings: Settings) -> frozenset[str]:
    known = named_columns(settings) <= set(COLUMNS.values())
    return frozenset() if known else frozenset({"data.columns"})


def _twice_the_rank(settings: Settings, config: Mapping[str, Any]) -> int:
    """2 × lora_rank"""
    rank = settings.get("lora.r")
    return 2 * rank if isinstance(rank, int) else 16


LLAMA_FACTORY = Tool(
    "llamafactory",
    "LLaMA-Factory",
    marks="stage finetuning_type cutoff_len template lora_target lora_rank do_train dataset_dir quantization_bit "
    "train_on_prompt neat_packing plot_loss overwrite_cache val_size flash_attn mask_history double_quantization",
    # llamafactory/hparams of 0.9.5
    defaults={
        "finetuning_type": "lora",
        "quantization_bit": None,
        "lora_rank": 8,
        "lora_alpha": _twice_the_rank,
        "lora_dropout": 0.0,
        "lora_target": "all",
        "cutoff_len": 2048,
        "per_device_train_batch_size": 8,
        "gradient_accumulation_steps": 1,
        "learning_rate": 5e-5,
        "num_train_epochs": 3.0,
        "lr_scheduler_type": "linear",
        "warmup_steps": 0,
        "optim": "adamw_torch_fused",
        "train_on_prompt": False,
        "packing": False,
        "seed": 42,
        "val_size": 0.0,
        "logging_steps": 500,
        "save_steps": 500,
        "load_best_model_at_end": False,
    },
    own={"dataset_dir": by_itself("data sets are looked up in its dataset_info.json")},
    writes={
        "model.model_name_or_path": "model_name_or_path",
        "model.revision": "model_revision",
        "model.trust_remote_code": "trust_remote_code",
        "quantization.bnb_4bit_quant_type": "quantization_type",
        "quantization.bnb_4bit_use_double_quant": "double_quantization",
        "lora.r": "lora_rank",
        "lora.lora_alpha": "lora_alpha",
        "lora.lora_dropout": "lora_dropout",
        "lora.target_modules": "lora_target",
        "lora.use_rslora": "use_rslora",
        "lora.use_dora": "use_dora",
        **TRAINING_ARGUMENTS,
        "train.max_length": "cutoff_len",
        "train.assistant_only_loss": "train_on_prompt",
        "train.gradient_checkpointing": "disable_gradient_checkpointing",
        "train.train_sampling_strategy": "train_sampling_strategy",
        "train.dataloader_num_workers": "dataloader_num_workers",
        "train.seed": "seed",
        "output.save_total_limit": "save_total_limit",
        "report.logging_steps": "logging_steps",
    },
    makes=_makes,
    made_of={
        "model.dtype": "bf16 fp16",
        "model.attn_implementation": "flash_attn",
        "quantization.load_in_4bit": "quantization_bit",
        "quantization.load_in_8bit": "quantization_bit",
        "lora.use_peft": "finetuning_type",
        "lora.modules_to_save": "additional_target",
        "train.packing": "packing neat_packing",
        "train.warmup_steps": "warmup_steps",
        "train.neftune_noise_alpha": "neftune_noise_alpha",
        **dict.fromkeys(TRAINED_ON, "dataset"),
        "data.eval_dataset": "eval_dataset",
        "data.eval_split": "eval_dataset",
        "data.eval_fraction": "val_size",
        "data.max_train_samples": "max_samples",
        "data.assistant_turns": "mask_history",
        "eval.per_device_eval_batch_size": "per_device_eval_batch_size",
        **CADENCE,
        "report.report_to": "report_to",
        "report.run_name": "run_name",
    },
    lacks=_lacks,
    start="llamafactory-cli train {file}",
)
