"""TRL 1.16: the flat names of `trl sft --config x.yaml`, which are most of ours, and of scripts with SFTConfig."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.preset.other_tools.said import by_itself
from runner.preset.other_tools.sources import builder, own_sources
from runner.preset.other_tools.tool import (
    CADENCE,
    TRAINING_ARGUMENTS,
    Settings,
    Tool,
    cadence,
    precision,
    set_ones,
    whole_warmup,
)

# What SFTConfig takes for what is not set; a script that calls it has these too.
SFT_CONFIG: Mapping[str, Any] = {
    "learning_rate": 2e-5,
    "per_device_train_batch_size": 8,
    "gradient_accumulation_steps": 1,
    "num_train_epochs": 3.0,
    "max_length": 1024,
    "lr_scheduler_type": "linear",
    "warmup_steps": 0,
    "optim": "adamw_torch_fused",
    "packing": False,
    "assistant_only_loss": False,
    "gradient_checkpointing": True,
    "logging_steps": 10,
    "save_steps": 500,
    "load_best_model_at_end": False,
    "seed": 42,
}
# PEFT names the layers of each architecture; these are the ones of Llama, Mistral and Qwen.
PEFT_TARGETS = ["q_proj", "v_proj"]


def _makes(settings: Settings) -> Mapping[str, Any]:
    batch = settings["eval.per_device_eval_batch_size"]
    by_name = bool(settings["data.eval_split"]) and not _lacks(settings)
    share = 0.0 if by_name or settings["data.eval_dataset"] else settings["data.eval_fraction"]
    evaluated = by_name or share > 0
    return {
        **_data(settings, bool(share)),
        # No rows are held out by leaving it out: TRL refuses 0.
        **({"test_split_size": share} if share else {}),
        **precision(settings),
        **cadence(
            settings
            if evaluated
            else {**settings, "data.eval_dataset": None, "data.eval_split": None, "data.eval_fraction": 0}
        ),
        **set_ones(
            {
                "lora_modules_to_save": settings["lora.modules_to_save"],
                "chat_template_path": settings["model.chat_template_path"],
                "neftune_noise_alpha": settings["train.neftune_noise_alpha"],
                "run_name": settings["report.run_name"],
                "per_device_eval_batch_size": None if batch == "auto" else batch,
            }
        ),
        "warmup_steps": whole_warmup(settings),
        # Held-out rows are never packed, so that losses compare.
        "eval_packing": False,
        "report_to": settings["report.report_to"] or "none",
        "output_dir": "./outputs",
    }


def _data(settings: Settings, is_split: bool) -> dict[str, Any]:
    """One data set of the hub by its name; rows are split off of what is in `datasets` alone."""
    sources = list(own_sources(settings))
    only = sources[0]
    if len(sources) == 1 and not is_split and not builder(only["dataset"]):
        one = {"dataset_name": only["dataset"], "dataset_config": only["dataset_config_name"]}
        splits = {"dataset_train_split": only["split"], "dataset_test_split": settings["data.eval_split"]}
        return set_ones({**one, **splits})
    return {"datasets": [_entry(source) for source in sources]}


def _entry(source: Mapping[str, Any]) -> dict[str, Any]:
    kind, dataset = builder(source["dataset"]), source["dataset"]
    place = {"path": kind, "data_files": dataset} if kind else {"path": dataset}
    return {**place, **set_ones({"name": source["dataset_config_name"]}), "split": source["split"]}


def _lacks(settings: Settings) -> frozenset[str]:
    """Files are named in `datasets`, whose held-out rows are split off."""
    in_files = not isinstance(settings["data.train_dataset"], str) or builder(settings["data.train_dataset"])
    return frozenset({"data.eval_split"}) if in_files and settings["data.eval_split"] else frozenset()


def _test_split(settings: Settings, config: Mapping[str, Any]) -> str | None:
    """test, where dataset_name is evaluated"""
    evaluated = str(config.get("eval_strategy", "no")).lower() not in ("no", "false", "none")
    return "test" if evaluated and "dataset_name" in config else None


TRL = Tool(
    "trl",
    "TRL",
    marks="use_peft dataset_name dataset_config dataset_train_split dataset_test_split assistant_only_loss "
    "use_bnb_nested_quant torch_dtype dtype model_revision completion_only_loss dataset_text_field "
    "lora_task_type test_split_size eos_token dataset_mixer dataset_mixture chat_template_path use_liger_kernel "
    "max_length max_seq_length lora_r",
    # trl/scripts/utils.py and sft_config.py of 1.16.0
    defaults={
        "use_peft": False,
        "load_in_4bit": False,
        "load_in_8bit": False,
        "bnb_4bit_quant_type": "nf4",
        "use_bnb_nested_quant": False,
        "lora_r": 16,
        "lora_alpha": 32,
        "lora_dropout": 0.05,
        "lora_target_modules": PEFT_TARGETS,
        "dataset_test_split": _test_split,
        "test_split_size": 0.0,
        **SFT_CONFIG,
    },
    own={"dataset_mixture.seed": by_itself("train.seed is also that of the rows")},
    writes={
        "model.model_name_or_path": "model_name_or_path",
        "model.revision": "model_revision",
        "model.dtype": "dtype",
        "model.trust_remote_code": "trust_remote_code",
        "model.attn_implementation": "attn_implementation",
        "quantization.load_in_4bit": "load_in_4bit",
        "quantization.load_in_8bit": "load_in_8bit",
        "quantization.bnb_4bit_quant_type": "bnb_4bit_quant_type",
        "quantization.bnb_4bit_use_double_quant": "use_bnb_nested_quant",
        "lora.use_peft": "use_peft",
        "lora.r": "lora_r",
        "lora.lora_alpha": "lora_alpha",
        "lora.lora_dropout": "lora_dropout",
        "lora.target_modules": "lora_target_modules",
        "lora.use_rslora": "use_rslora",
        "lora.use_dora": "use_dora",
        **TRAINING_ARGUMENTS,
        "train.max_length": "max_length",
        "train.packing": "packing",
        "train.packing_strategy": "packing_strategy",
        "train.assistant_only_loss": "assistant_only_loss",
        "train.gradient_checkpointing": "gradient_checkpointing",
        "train.train_sampling_strategy": "train_sampling_strategy",
        "train.dataloader_num_workers": "dataloader_num_workers",
        "train.seed": "seed",
        "output.save_total_limit": "save_total_limit",
        "report.logging_steps": "logging_steps",
    },
    makes=_makes,
    made_of={
        "model.chat_template_path": "chat_template_path",
        "lora.modules_to_save": "lora_modules_to_save",
        "train.warmup_steps": "warmup_steps",
        "train.neftune_noise_alpha": "neftune_noise_alpha",
        "data.train_dataset": "dataset_name datasets",
        "data.train_split": "dataset_train_split",
        "data.dataset_config_name": "dataset_config",
        "data.eval_split": "dataset_test_split",
        "data.eval_fraction": "test_split_size",
        "eval.per_device_eval_batch_size": "per_device_eval_batch_size",
        **CADENCE,
        "report.report_to": "report_to",
        "report.run_name": "run_name",
    },
    lacks=_lacks,
    start="trl sft --config {file}",
)
