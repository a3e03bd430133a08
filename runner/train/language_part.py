"""Models that see or hear, trained on text: which class loads them, and where their language part is."""

from __future__ import annotations

import re
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText, PretrainedConfig, PreTrainedModel

from runner.data.errors import TrainingError
from runner.insight.memory.mixtures import CONVERTED, CONVERTED_NAMES


def loading_class(config: PretrainedConfig) -> Any:
    """The auto class that knows a model. Of some families (Llama 4, Qwen3.5) AutoModelForCausalLM loads the language
    part alone, of others (Gemma 3) the whole; the rest is known to AutoModelForImageTextToText only.
    """
    remote = getattr(config, "auto_map", None) or {}
    for kind in (AutoModelForCausalLM, AutoModelForImageTextToText):
        if type(config) in kind._model_mapping or kind.__name__ in remote:
            return kind
    # It says in its own words what it does not know.
    return AutoModelForCausalLM


def name_backbone(model: PreTrainedModel) -> None:
    """Say where the layers below the output head are. Llama4ForCausalLM names a part that it has not, and its
    base_model, which TRL's fused head runs, is then the whole model.
    """
    if model.base_model is model and isinstance(getattr(model, "model", None), PreTrainedModel):
        model.base_model_prefix = "model"


def language_prefix(model: PreTrainedModel) -> str:
    """The name of the module that reads text ('model.language_model') in a model with a tower; '' without one."""
    if model.config.get_text_config() is model.config:
        return ""
    decoder = model.get_decoder()
    return next((name for name, module in model.named_modules() if module is decoder), "")


def excluded_modules(model: PreTrainedModel) -> str | None:
    """A pattern of the modules that get no adapter, whatever lora.target_modules says; None when all may.

    A tower is never run on text, so its adapters would be saved untrained. Routers above torch.nn.Linear return more
    than one tensor (Llama 4, Phi-3.5-MoE), and Falcon-H1's fused path reads the bare weight of its mixers' output.
    """
    patterns = []
    if prefix := language_prefix(model):
        patterns.append(rf"(?!{re.escape(prefix)}\.).*")
    names = {name.rpartition(".")[2] for name, module in model.named_modules() if _is_router(module)}
    patterns += [rf".*\.{re.escape(name)}" for name in sorted(names)]
    if model.config.get_text_config().model_type == "falcon_h1":
        patterns.append(r".*\.mamba\.out_proj")
    return "|".join(patterns) or None


def adapter_targets(model: PreTrainedModel, wanted: str | list[str]) -> str | list[str]:
    """lora.target_modules for a model, without the names that PEFT would move to the experts of a mixture. Raises
    TrainingError when no name is left.
    """
    if model.config.model_type not in CONVERTED:
        return wanted
    if wanted == "all-linear":
        head = model.get_output_embeddings()
        names = {
            name.rpartition(".")[2]
            for name, module in model.named_modules()
            if isinstance(module, torch.nn.Linear) and module is not head
        }
        wanted = sorted(names)
    left = [name for name in wanted if name.rpartition(".")[2] not in CONVERTED_NAMES]
    if not left:
        raise TrainingError(
            f"lora.target_modules names only layers of experts ({', '.join(wanted)}), which get no adapter.",
            "Set lora.target_modules to all-linear, or name layers of attention.",
        )
    return left


def _is_router(module: torch.nn.Module) -> bool:
    """Whether it is a class of a model's own above torch.nn.Linear."""
    return isinstance(module, torch.nn.Linear) and type(module).__module__.startswith("transformers.models.")


def freeze_towers(model: PreTrainedModel) -> None:
    """Leave out of full fine-tuning what text does not pass: the optimizer would hold states for it."""
    prefix, head = language_prefix(model), model.get_output_embeddings()
    if not prefix:
        return
    trained = {
        id(parameter) for part in (model.get_decoder(), head) if part for parameter in part.parameters()
    }
    for parameter in model.parameters():
        if id(parameter) not in trained:
            parameter.requires_grad_(False)
