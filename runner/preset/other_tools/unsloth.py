"""Unsloth 2026.10: the YAML of its command line and studio (in sections), and scripts with FastLanguageModel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.preset.other_tools.conversion import TARGETS, ZERO_IS_AUTO, ZERO_IS_NO_LIMIT
from runner.preset.other_tools.said import called, write
from runner.preset.other_tools.tool import (
    CADENCE,
    Settings,
    Tool,
    cadence,
    is_evaluated,
    precision,
    set_ones,
    whole_warmup,
)

LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def _makes(settings: Settings) -> Mapping[str, Any]:
    dtype = settings["model.dtype"]
    batch = settings["eval.per_device_eval_batch_size"]
    evaluated = is_evaluated(settings)
    timing = cadence(settings)
    training = {
        **precision(settings),
        **timing,
        **set_ones(
            {
                "neftune_noise_alpha": settings["train.neftune_noise_alpha"],
                "run_name": settings["report.run_name"],
                "per_device_eval_batch_size": None if batch == "auto" else batch,
            }
        ),
        "warmup_steps": whole_warmup(settings),
        # Held-out rows are never packed, so that losses compare.
        "eval_packing": False,
        "report_to": settings["report.report_to"] or "none",
        "output_dir": "outputs",
        "logging_nan_inf_filter": False,
    }
    seed = settings["train.seed"]
    made: dict[str, Any] = {
        "from_pretrained.dtype": None if dtype == "auto" else f"torch.{dtype}",
        "from_pretrained.full_finetuning": not settings["lora.use_peft"],
        "from_pretrained.use_exact_model_name": True,
        "from_pretrained.max_seq_length": settings["train.max_length"],
        "from_pretrained.use_gradient_checkpointing": settings["train.gradient_checkpointing"],
        "SFTConfig.gradient_checkpointing": settings["train.gradient_checkpointing"],
        "get_peft_model.random_state": seed,
        "get_peft_model.use_gradient_checkpointing": settings["train.gradient_checkpointing"],
        **{f"SFTConfig.{key}": value for key, value in training.items()},
    }
    if settings["lora.modules_to_save"]:
        made["get_peft_model.modules_to_save"] = settings["lora.modules_to_save"]
    if evaluated and settings["data.eval_dataset"] is None and settings["data.eval_split"] is None:
        made["train_test_split.test_size"] = settings["data.eval_fraction"]
        made["train_test_split.seed"] = seed
    return made


UNSLOTH = Tool(
    "unsloth",
    "Unsloth",
    marks="training.max_seq_length training.num_epochs training.random_seed training.batch_size "
    "training.train_on_completions training.training_type training.load_in_4bit lora.lora_r "
    "lora.finetune_mlp_modules lora.finetune_language_layers lora.use_loftq data.local_dataset data.format_type "
    "logging.enable_wandb logging.enable_tensorboard",
    suffix=".py",
    # The configuration of `unsloth train`, 2026.10
    defaults={
        "training.training_type": "lora",
        "training.load_in_4bit": True,
        "training.max_seq_length": 2048,
        "training.num_epochs": 3,
        "training.learning_rate": 2e-4,
        "training.batch_size": 2,
        "training.gradient_accumulation_steps": 4,
        "training.warmup_steps": 5,
        "training.weight_decay": 0.01,
        "training.random_seed": 3407,
        "training.packing": False,
        "training.train_on_completions": False,
        "training.gradient_checkpointing": "unsloth",
        "training.optim": "adamw_8bit",
        "lora.lora_r": 64,
        "lora.lora_alpha": 16,
        "lora.lora_dropout": 0.0,
        "lora.target_modules": ",".join(LAYERS),
    },
    own={
        "model": called("model.model_name_or_path"),
        "training.max_steps": called("train.max_steps", by=ZERO_IS_NO_LIMIT),
        "training.save_steps": called("output.save_steps", by=ZERO_IS_AUTO),
        "training.eval_steps": called("eval.eval_steps", by=ZERO_IS_AUTO),
        "training.training_type": called("lora.use_peft"),
        "lora.target_modules": called("lora.target_modules", by=TARGETS),
    },
    own_values={
        "training.training_type": {
            "lora": write("lora.use_peft: true"),
            "qlora": write("lora.use_peft: true and quantization.load_in_4bit: true"),
            "full": write("lora.use_peft: false and quantization.load_in_4bit: false"),
        },
        "training.gradient_checkpointing": {"none": write("train.gradient_checkpointing: false")},
    },
    writes={
        "model.model_name_or_path": "from_pretrained.model_name",
        "model.revision": "from_pretrained.revision",
        "model.trust_remote_code": "from_pretrained.trust_remote_code",
        "quantization.load_in_4bit": "from_pretrained.load_in_4bit",
        "quantization.load_in_8bit": "from_pretrained.load_in_8bit",
        "lora.r": "get_peft_model.r",
        "lora.lora_alpha": "get_peft_model.lora_alpha",
        "lora.lora_dropout": "get_peft_model.lora_dropout",
        "lora.target_modules": "get_peft_model.target_modules",
        "lora.bias": "get_peft_model.bias",
        "lora.use_rslora": "get_peft_model.use_rslora",
        "train.num_train_epochs": "SFTConfig.num_train_epochs",
        "train.max_steps": "SFTConfig.max_steps",
        "train.per_device_train_batch_size": "SFTConfig.per_device_train_batch_size",
        "train.gradient_accumulation_steps": "SFTConfig.gradient_accumulation_steps",
        "train.learning_rate": "SFTConfig.learning_rate",
        "train.lr_scheduler_type": "SFTConfig.lr_scheduler_type",
        "train.weight_decay": "SFTConfig.weight_decay",
        "train.max_grad_norm": "SFTConfig.max_grad_norm",
        "train.optim": "SFTConfig.optim",
        "train.max_length": "SFTConfig.max_length",
        "train.packing": "SFTConfig.packing",
        "train.packing_strategy": "SFTConfig.packing_strategy",
        "train.assistant_only_loss": "SFTConfig.assistant_only_loss",
        "train.train_sampling_strategy": "SFTConfig.train_sampling_strategy",
        "train.dataloader_num_workers": "SFTConfig.dataloader_num_workers",
        "train.seed": "SFTConfig.seed",
        "output.save_total_limit": "SFTConfig.save_total_limit",
        "report.logging_steps": "SFTConfig.logging_steps",
    },
    makes=_makes,
    made_of={
        "model.dtype": "from_pretrained.dtype",
        "lora.use_peft": "from_pretrained.full_finetuning",
        "lora.modules_to_save": "get_peft_model.modules_to_save",
        "train.gradient_checkpointing": "get_peft_model.use_gradient_checkpointing",
        "train.warmup_steps": "SFTConfig.warmup_steps",
        "train.neftune_noise_alpha": "SFTConfig.neftune_noise_alpha",
        "data.train_dataset": "load_dataset",
        "data.train_split": "load_dataset",
        "data.dataset_config_name": "load_dataset",
        "data.eval_dataset": "load_dataset",
        "data.eval_split": "load_dataset",
        "data.eval_fraction": "train_test_split.test_size",
        "eval.per_device_eval_batch_size": "SFTConfig.per_device_eval_batch_size",
        **{ours: f"SFTConfig.{key}" for ours, key in CADENCE.items()},
        "report.report_to": "SFTConfig.report_to",
        "report.run_name": "SFTConfig.run_name",
    },
    start="python {file}",
)
