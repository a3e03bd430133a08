"""Figures of published models as their config.json says them, and their size in billions as their card says it.

Both are written from what their cards and papers say, none is fetched; 0 where no size is known to three digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Published:
    """A published model."""

    name: str
    config: dict[str, Any]
    billions: float = 0.0

    def __str__(self) -> str:
        return self.name


def model(name: str, billions: float, model_type: str, figures: str, **more: Any) -> Published:
    """`figures` are hidden, intermediate, layers, heads, kv heads and vocabulary."""
    h, f, layers, heads, kv, v = (int(word) for word in figures.split())
    config = {
        "model_type": model_type,
        "hidden_size": h,
        "intermediate_size": f,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv,
        "vocab_size": v,
        **more,
    }
    return Published(name, config, billions)


def text_part(figures: str, model_type: str, **more: Any) -> dict[str, Any]:
    return model("", 0, model_type, figures, **more).config


def _kinds(count: int, other: str, attention: list[int]) -> list[str]:
    return ["full_attention" if index in attention else other for index in range(count)]


TIED: dict[str, Any] = {"tie_word_embeddings": True}
UNTIED: dict[str, Any] = {"tie_word_embeddings": False}
HEAD: dict[str, Any] = {"head_dim": 128}
GRANITE_H: dict[str, Any] = {
    "mamba_n_groups": 1,
    "mamba_d_state": 128,
    "mamba_d_head": 64,
    "mamba_d_conv": 4,
    "mamba_expand": 2,
    "layer_types": _kinds(40, "mamba", [5, 15, 25, 35]),
}

DENSE = (
    model("Llama-3.2-1B", 1.236, "llama", "2048 8192 16 32 8 128256", head_dim=64, **TIED),
    model("Llama-3.1-8B", 8.030, "llama", "4096 14336 32 32 8 128256", **UNTIED),
    model("SmolLM2-1.7B", 1.711, "llama", "2048 8192 24 32 32 49152", **TIED),
    model("Mistral-Nemo-12B", 12.248, "mistral", "5120 14336 40 32 8 131072", **HEAD, **UNTIED),
    model("Qwen2.5-7B", 7.616, "qwen2", "3584 18944 28 28 4 152064", **UNTIED),
    model("Qwen3-0.6B", 0.596, "qwen3", "1024 3072 28 16 8 151936", **HEAD, **TIED),
    model("Qwen3-8B", 8.191, "qwen3", "4096 12288 36 32 8 151936", **HEAD, **UNTIED),
    model("gemma-2-9b", 9.242, "gemma2", "3584 14336 42 16 8 256000", head_dim=256),
    model("gemma-3-1b", 1.000, "gemma3_text", "1152 6912 26 4 1 262144", head_dim=256),
    model("phi-2", 2.780, "phi", "2560 10240 32 32 32 51200", **UNTIED),
    model("phi-4", 14.66, "phi3", "5120 17920 40 40 10 100352", **UNTIED),
    model("granite-3.3-8b", 8.171, "granite", "4096 12800 40 32 8 49159", **TIED),
    model("SmolLM3-3B", 3.075, "smollm3", "2048 11008 36 16 4 128256"),
    model("OLMo-2-7B", 7.299, "olmo2", "4096 11008 32 32 32 100352", **UNTIED),
    model("Olmo-3-7B", 7.298, "olmo3", "4096 11008 32 32 32 100278", **UNTIED),
    model("GLM-4-9B-0414", 9.40, "glm4", "4096 13696 40 32 2 151552", attention_bias=False, **UNTIED),
    model("glm-4-9b-chat-hf", 9.40, "glm", "4096 13696 40 32 2 151552", attention_bias=True, **UNTIED),
    model("starcoder2-7b", 7.174, "starcoder2", "4608 18432 32 36 4 49152", use_bias=True),
    model("Seed-OSS-36B", 36.15, "seed_oss", "5120 27648 64 80 8 155136", **HEAD),
    model("EXAONE-4.0-1.2B", 1.279, "exaone4", "2048 4096 30 32 8 102400", head_dim=64, **TIED),
    model("c4ai-command-r7b", 8.028, "cohere2", "4096 14336 32 32 8 256000"),
    model("ERNIE-4.5-0.3B", 0.361, "ernie4_5", "1024 3072 18 16 2 103424", head_dim=128),
    model("Ministral-3-8B text", 0, "ministral3", "4096 14336 34 32 8 131072", **HEAD),
)
MIXTURES = (
    model("Mixtral-8x7B", 46.70, "mixtral", "4096 14336 32 32 8 32000", num_local_experts=8),
    model(
        "Qwen1.5-MoE-A2.7B",
        14.32,
        "qwen2_moe",
        "2048 5632 24 16 16 151936",
        num_experts=60,
        num_experts_per_tok=4,
        moe_intermediate_size=1408,
        shared_expert_intermediate_size=5632,
    ),
    model(
        "Qwen3-30B-A3B",
        30.53,
        "qwen3_moe",
        "2048 6144 48 32 4 151936",
        num_experts=128,
        num_experts_per_tok=8,
        moe_intermediate_size=768,
        **HEAD,
    ),
    model(
        "gpt-oss-20b in bf16",
        20.91,
        "gpt_oss",
        "2880 2880 24 64 8 201088",
        num_local_experts=32,
        num_experts_per_tok=4,
        head_dim=64,
    ),
    model("OLMoE-1B-7B", 6.919, "olmoe", "2048 1024 16 16 16 50304", num_experts=64, num_experts_per_tok=8),
    model(
        "Phi-3.5-MoE",
        41.87,
        "phimoe",
        "4096 6400 32 32 8 32064",
        num_local_experts=16,
        num_experts_per_tok=2,
        attention_bias=True,
        lm_head_bias=True,
    ),
    model(
        "granite-3.1-3b-a800m",
        3.30,
        "granitemoe",
        "1536 512 32 24 8 49155",
        num_local_experts=40,
        num_experts_per_tok=8,
        **TIED,
    ),
    model(
        "GLM-4.5-Air",
        106.85,
        "glm4_moe",
        "4096 10944 46 96 8 151552",
        n_routed_experts=128,
        moe_intermediate_size=1408,
        n_shared_experts=1,
        attention_bias=True,
        **HEAD,
    ),
    model("DeepSeek-V3", 671.0, "deepseek_v3", "7168 18432 61 128 128 129280"),
    model("ERNIE-4.5-21B-A3B", 21.83, "ernie4_5_moe", "2560 12288 28 20 4 103424"),
    model("Llama-4-Scout text", 107.77, "llama4_text", "5120 8192 48 40 8 202048", num_local_experts=16),
    model(
        "Llama-4-Maverick text",
        0,
        "llama4_text",
        "5120 8192 48 40 8 202048",
        num_local_experts=128,
        interleave_moe_layer_step=2,
    ),
)
HYBRIDS = (
    model("Qwen3-Next-80B-A3B", 79.67, "qwen3_next", "2048 5120 48 16 2 151936", head_dim=256),
    model("Qwen3.5-9B text", 0, "qwen3_5_text", "4096 12288 32 16 4 248320", head_dim=256),
    model(
        "granite-4.0-h-micro",
        3.19,
        "granitemoehybrid",
        "2048 8192 40 32 8 100352",
        shared_intermediate_size=8192,
        num_local_experts=0,
        mamba_n_heads=64,
        **GRANITE_H,
        **TIED,
    ),
    model(
        "granite-4.0-h-tiny",
        6.94,
        "granitemoehybrid",
        "1536 512 40 12 4 100352",
        shared_intermediate_size=1024,
        num_local_experts=64,
        num_experts_per_tok=6,
        mamba_n_heads=48,
        **GRANITE_H,
        **TIED,
    ),
    model(
        "LFM2-1.2B",
        1.170,
        "lfm2",
        "2048 12288 16 32 8 65536",
        full_attn_idxs=[2, 5, 8, 10, 12, 14],
        block_ff_dim=12288,
        conv_L_cache=3,
    ),
    model(
        "LFM2-8B-A1B",
        8.34,
        "lfm2_moe",
        "2048 7168 24 32 8 65536",
        layer_types=_kinds(24, "conv", [2, 6, 10, 14, 18, 21]),
        conv_L_cache=3,
    ),
    model(
        "the shape of Falcon-H1-1.5B",
        0,
        "falcon_h1",
        "2048 4096 24 8 2 65537",
        mamba_d_ssm=3072,
        mamba_n_heads=48,
        mamba_d_head=64,
        mamba_d_state=256,
        **HEAD,
    ),
    model(
        "the shape of a small Gemma 4",
        0,
        "gemma4_text",
        "1536 6144 35 8 1 262144",
        num_kv_shared_layers=20,
        use_double_wide_mlp=True,
        head_dim=256,
        global_head_dim=512,
    ),
    model(
        "the shape of a Gemma 4 with experts",
        0,
        "gemma4_text",
        "2816 2112 30 16 8 262144",
        hidden_size_per_layer_input=0,
        enable_moe_block=True,
        num_experts=128,
        top_k_experts=8,
        moe_intermediate_size=704,
        attention_k_eq_v=True,
        num_global_key_value_heads=2,
    ),
)
