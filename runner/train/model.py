"""The base model, its number format, and the adapter's configuration."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from peft import LoraConfig
from transformers import AutoConfig, BitsAndBytesConfig, PretrainedConfig, PreTrainedModel

from runner.data.errors import TrainingError
from runner.insight.memory.stored import is_bitsandbytes
from runner.preset.schema import Preset
from runner.train.language_part import (
    adapter_targets,
    excluded_modules,
    freeze_towers,
    loading_class,
    name_backbone,
)

AMPERE = (8, 0)


def compute_dtype(preset: Preset) -> torch.dtype:
    """The format the computation runs in: bf16 since Ampere, fp16 before, fp32 on the CPU, or what the preset says."""
    if preset.model.dtype != "auto":
        return getattr(torch, preset.model.dtype)
    if not torch.cuda.is_available():
        return torch.float32
    return torch.bfloat16 if torch.cuda.get_device_capability() >= AMPERE else torch.float16


def storage_dtype(preset: Preset) -> torch.dtype:
    """The format weights are held in.

    Frozen weights are held in the compute format. Weights that are all trained are held in fp32 unless the preset
    names a format: bf16 cannot represent the small steps of full fine-tuning.
    """
    if preset.method == "full fine-tuning" and preset.model.dtype == "auto":
        return torch.float32
    return compute_dtype(preset)


def load_model(preset: Preset) -> PreTrainedModel:
    """The base model on its device, quantised as the preset says. Raises TrainingError."""
    config = AutoConfig.from_pretrained(
        preset.model.model_name_or_path,
        revision=preset.model.revision,
        trust_remote_code=preset.model.trust_remote_code,
    )
    stored = take_stored(config, preset)
    quantization = None if stored else quantization_config(preset)
    if (stored or quantization is not None) and importlib.util.find_spec("bitsandbytes") is None:
        raise TrainingError(
            "bitsandbytes is not installed, so weights cannot be quantised.", "pip install '.[train]'"
        )
    model = loading_class(config).from_pretrained(
        preset.model.model_name_or_path,
        config=config,
        revision=preset.model.revision,
        trust_remote_code=preset.model.trust_remote_code,
        dtype=storage_dtype(preset),
        quantization_config=quantization,
        attn_implementation=preset.model.attn_implementation,
        # One GPU a run: the supervisor made exactly one visible.
        device_map={"": 0} if torch.cuda.is_available() else None,
    )
    model.config.get_text_config().use_cache = False
    name_backbone(model)
    keep_gradients_on_cpu(model)
    if preset.method == "full fine-tuning":
        freeze_towers(model)
    return model


def take_stored(config: PretrainedConfig, preset: Preset) -> bool:
    """Whether the repository's weights are of bitsandbytes already. transformers then loads them as they are stored and
    takes no other settings, so the format to compute in, which depends on the GPU, is written into its own. Raises
    TrainingError for weights of another method, and for full fine-tuning of stored ones.
    """
    said = getattr(config, "quantization_config", None)
    if not said:
        return False
    said = said if isinstance(said, dict) else said.to_dict()
    if not is_bitsandbytes(said):
        raise TrainingError(
            f"The weights of {preset.model.model_name_or_path} are quantised with {said.get('quant_method')}: no "
            "adapter is trained on those here.",
            "Name the repository of the same model in 16 bits in model.model_name_or_path.",
        )
    if not preset.lora.use_peft:
        raise TrainingError(
            f"The weights of {preset.model.model_name_or_path} are stored quantised and cannot be trained themselves.",
            "Set lora.use_peft to true, or name the repository of the same model in 16 bits.",
        )
    dtype = str(compute_dtype(preset)).removeprefix("torch.")
    config.quantization_config = {**said, "bnb_4bit_compute_dtype": dtype}
    return True


def config_file(preset: Preset) -> dict[str, Any]:
    """The config.json as it stands in the repository, before transformers fills in what it leaves out."""
    model = preset.model
    found, _ = PretrainedConfig.get_config_dict(model.model_name_or_path, revision=model.revision)
    return dict(found)


def quantization_config(preset: Preset) -> BitsAndBytesConfig | None:
    """bitsandbytes' settings with every value sent: its own defaults are fp4, no double quantisation, fp32 compute."""
    quantization = preset.quantization
    if quantization.load_in_8bit:
        return BitsAndBytesConfig(load_in_8bit=True)
    if quantization.load_in_4bit:
        return BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type=quantization.bnb_4bit_quant_type,
            bnb_4bit_use_double_quant=quantization.bnb_4bit_use_double_quant,
            bnb_4bit_compute_dtype=compute_dtype(preset),
        )
    return None


def keep_gradients_on_cpu(model: torch.nn.Module) -> None:
    """On CPUs with AVX512-BF16 bitsandbytes repacks a 4-bit layer at its first evaluation, and from then on no gradient
    passes through it to the layers below. Switched off, evaluation is a little slower and training right.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def lora_config(preset: Preset, base: PreTrainedModel | None = None) -> LoraConfig | None:
    """PEFT's settings with every value sent, or None for full fine-tuning. `base` is the model they are for, of which
    some parts get no adapter.
    """
    lora = preset.lora
    if not lora.use_peft:
        return None
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=lora.r,
        lora_alpha=lora.lora_alpha,
        lora_dropout=lora.lora_dropout,
        target_modules=lora.target_modules if base is None else adapter_targets(base, lora.target_modules),
        exclude_modules=excluded_modules(base) if base is not None else None,
        bias=lora.bias,
        use_rslora=lora.use_rslora,
        use_dora=lora.use_dora,
        modules_to_save=lora.modules_to_save or None,
    )


def cast_trainable(model: torch.nn.Module, preset: Preset) -> None:
    """Hold what is trained in fp32 when the computation is not bf16.

    TRL casts the adapters of a quantised model to bf16; fp16's gradient scaler refuses those, and on the CPU, where
    the computation is fp32, they would only lose precision.
    """
    if preset.lora.use_peft and compute_dtype(preset) != torch.bfloat16:
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()


@contextmanager
def keeping_dtypes(model: torch.nn.Module) -> Iterator[None]:
    """Leave every parameter in the format it had before.

    PEFT's load_adapter casts an adapter to fp32 (`autocast_adapter_dtype`), so that a run that goes on from a
    checkpoint would compute otherwise than before, and its optimizer's state and its saved adapter would double.
    """
    before = {name: parameter.dtype for name, parameter in model.named_parameters()}
    yield
    for name, parameter in model.named_parameters():
        if (dtype := before.get(name, parameter.dtype)) != parameter.dtype:
            parameter.data = parameter.data.to(dtype)
