"""What a layer saves for its backward pass, tracked on the CPU while small models of each family compute in bf16,
against the closed form. Two depths are compared, so that what lies outside of the layers does not count.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

from runner.insight.memory.inputs import MemoryInputs
from runner.insight.memory.reading import read_architecture
from runner.insight.memory.terms import saved_per_token
from runner.train.language_part import adapter_targets, excluded_modules

LENGTH = 512
RANK = 8
SHAPE: dict[str, Any] = {
    "hidden_size": 256,
    "intermediate_size": 768,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "vocab_size": 512,
    "pad_token_id": 0,
}
DELTA = {
    "linear_num_value_heads": 8,
    "linear_num_key_heads": 4,
    "linear_key_head_dim": 32,
    "linear_value_head_dim": 64,
}
EXPERTS = {"num_experts": 16, "num_experts_per_tok": 4, "moe_intermediate_size": 128}
MAMBA = {
    "mamba_n_heads": 16,
    "mamba_d_head": 32,
    "mamba_d_state": 64,
    "num_local_experts": 0,
    "shared_intermediate_size": 768,
}
FAMILIES: dict[str, tuple[str, dict[str, Any], str]] = {
    "llama": ("llama", {}, ""),
    "qwen3": ("qwen3", {}, ""),
    "phi3": ("phi3", {}, ""),
    "gemma3_text": ("gemma3_text", {}, ""),
    "olmo2": ("olmo2", {}, ""),
    "glm4": ("glm4", {}, ""),
    "starcoder2": ("starcoder2", {}, ""),
    "cohere2": ("cohere2", {}, ""),
    "mixtral": ("mixtral", {"num_local_experts": 8}, ""),
    "qwen3_moe": ("qwen3_moe", EXPERTS, ""),
    "qwen2_moe": ("qwen2_moe", {**EXPERTS, "shared_expert_intermediate_size": 256}, ""),
    "qwen3.5 attention": ("qwen3_5_text", DELTA, "full_attention"),
    "qwen3.5 linear attention": ("qwen3_5_text", DELTA, "linear_attention"),
    "granite mamba": ("granitemoehybrid", MAMBA, "linear_attention"),
    "lfm2 attention": ("lfm2", {}, "full_attention"),
    "lfm2 convolution": ("lfm2", {}, "conv"),
    "gemma4": ("gemma4_text", {"hidden_size_per_layer_input": 0, "global_head_dim": 32}, "full_attention"),
}


def config_of(model_type: str, figures: dict[str, Any], kind: str, layers: int) -> dict[str, Any]:
    config = {**SHAPE, **figures, "num_hidden_layers": layers}
    return {**config, "layer_types": [kind] * layers} if kind else config


def saved_bytes(model_type: str, config: dict[str, Any]) -> int:
    """Bytes of all storages that a forward pass saves, parameters and buffers left out."""
    torch.manual_seed(0)
    base = AutoModelForCausalLM.from_config(
        AutoConfig.for_model(model_type, **config), attn_implementation="sdpa", dtype=torch.bfloat16
    )
    base.config.use_cache = False
    base.requires_grad_(False)
    adapter = LoraConfig(
        task_type="CAUSAL_LM",
        r=RANK,
        target_modules=adapter_targets(base, "all-linear"),
        exclude_modules=excluded_modules(base),
    )
    model = get_peft_model(base, adapter, autocast_adapter_dtype=False)
    model.enable_input_require_grads()
    own = {one.untyped_storage().data_ptr() for one in (*model.parameters(), *model.buffers())}
    # Kept until the end, so that no storage takes the place of another.
    held: list[torch.Tensor] = []
    seen: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            seen[storage.data_ptr()] = storage.nbytes()
            held.append(tensor)
        return tensor

    ids = torch.randint(5, 500, (1, LENGTH))
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        base.model(input_ids=ids, use_cache=False)
    return sum(seen.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_what_a_layer_saves_is_what_is_predicted(name: str) -> None:
    model_type, figures, kind = FAMILIES[name]
    few, many = (config_of(model_type, figures, kind, layers) for layers in (2, 4))
    tracked = (saved_bytes(model_type, many) - saved_bytes(model_type, few)) / 2 / LENGTH
    one = read_architecture({"model_type": model_type, **many})
    setup = MemoryInputs(one, r=RANK, targets=one.linear_names, length=LENGTH)
    assert saved_per_token(setup, one.kinds[-1]) == pytest.approx(tracked, rel=0.01)
