"""The calls of a training script whose keyword arguments are settings, and what each takes where nothing is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.preset.other_tools.tool import Tool
from runner.preset.other_tools.trl import PEFT_TARGETS, SFT_CONFIG
from runner.preset.other_tools.unsloth import LAYERS


@dataclass(frozen=True)
class Call:
    """`section` is the one of ours that its arguments are looked for in first, '' for none; `positional` are the names
    of arguments that are given without one. `sets` is what the call means by itself.
    """

    section: str = ""
    positional: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    sets: Mapping[str, Any] = field(default_factory=dict)


# transformers/training_args.py of 5.23
_ARGUMENTS: Mapping[str, Any] = {
    **SFT_CONFIG,
    "learning_rate": 5e-5,
    "gradient_checkpointing": False,
    "logging_steps": 500,
}
_MODEL = ("model_name",)
# unsloth/models/llama.py of 2026.10
_UNSLOTH_MODEL = Call("", _MODEL, {"load_in_4bit": True, "max_seq_length": 2048})
_UNSLOTH_ADAPTER: Mapping[str, Any] = {
    "r": 16,
    "lora_alpha": 16,
    "lora_dropout": 0.0,
    "target_modules": LAYERS,
    "use_gradient_checkpointing": "unsloth",
}
# What stands in front of the name of a function that several classes have.
UNSLOTH_CLASSES = ("FastLanguageModel", "FastModel", "FastVisionModel")
MODEL_CLASSES = ("AutoModelForCausalLM", "AutoPeftModelForCausalLM", "AutoModelForImageTextToText")

CALLS: Mapping[str, Call] = {
    "SFTConfig": Call("train", (), SFT_CONFIG),
    "TrainingArguments": Call("train", (), _ARGUMENTS),
    "SFTTrainer": Call(),
    "LoraConfig": Call(
        "lora",
        # peft/tuners/lora/config.py of 0.21
        defaults={"r": 8, "lora_alpha": 8, "lora_dropout": 0.0, "target_modules": PEFT_TARGETS},
        sets={"lora.use_peft": True},
    ),
    # transformers/utils/quantization_config.py of 5.23
    "BitsAndBytesConfig": Call(
        "quantization", (), {"bnb_4bit_quant_type": "fp4", "bnb_4bit_use_double_quant": False}
    ),
    **{f"{name}.from_pretrained": Call("model", _MODEL) for name in MODEL_CLASSES},
    **{f"{name}.from_pretrained": _UNSLOTH_MODEL for name in UNSLOTH_CLASSES},
    **{
        f"{name}.get_peft_model": Call("lora", ("model",), _UNSLOTH_ADAPTER, {"lora.use_peft": True})
        for name in UNSLOTH_CLASSES
    },
    "load_dataset": Call("data", ("path", "name")),
    "train_test_split": Call("data"),
    "train_on_responses_only": Call("train", ("trainer",), sets={"train.assistant_only_loss": True}),
    "get_chat_template": Call("model", ("tokenizer",)),
    "EarlyStoppingCallback": Call("eval"),
}
# Arguments that hand on what other calls have made.
OBJECTS = frozenset(
    [
        "model",
        "tokenizer",
        "processing_class",
        "args",
        "train_dataset",
        "eval_dataset",
        "peft_config",
        "quantization_config",
        "trainer",
        "callbacks",
        "compute_metrics",
        "data_collator",
        "max_memory",
        "instruction_part",
        "response_part",
    ]
)

SCRIPT = Tool(
    "script",
    "a Python script",
    marks="",
    suffix=".py",
    defaults={"use_peft": False, "load_in_4bit": False, "load_in_8bit": False, "test_size": 0.0},
)
