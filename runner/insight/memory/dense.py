"""Dense decoders: what each family has beyond the Llama layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from runner.insight.memory import layers
from runner.insight.memory.architecture import Architecture, Layer, NotCoveredError
from runner.insight.memory.config_figures import Figures

EXPERT_KEYS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_intermediate_size")
HYBRID_KEYS = ("mamba_d_state", "ssm_cfg", "layers_block_type", "linear_num_value_heads")
FUSED_MLP = ("gate_up_proj", "down_proj")
UNGATED_MLP = ("up_proj", "down_proj")


@dataclass(frozen=True)
class Dense:
    """A dense family. A bias is always there, never, or where a key of its config.json says so; `norms` is how many a
    layer has of the residual stream and `weights` what each holds (2: with a bias).
    """

    qkv_bias: bool | str = False
    out_bias: bool | str = False
    mlp_bias: bool | str = False
    head_bias: bool = False
    norms: int = 2
    weights: int = 1
    qk_norm: Literal["", "head", "whole"] = ""
    qk_norm_key: str = ""
    fused: bool = False
    out: str = "o_proj"
    mlp: tuple[str, ...] = ("gate_proj", "up_proj", "down_proj")


ATTENTION_BIAS = Dense("attention_bias", "attention_bias")
BOTH_BIASES = Dense("attention_bias", "attention_bias", "mlp_bias")
USE_BIAS = Dense("use_bias", "use_bias", "use_bias")

DENSE: dict[str, Dense] = {
    "arcee": Dense("attention_bias", "attention_bias", "mlp_bias", mlp=UNGATED_MLP),
    "cohere": Dense("attention_bias", "attention_bias", norms=1, qk_norm="whole", qk_norm_key="use_qk_norm"),
    "cohere2": Dense("attention_bias", "attention_bias", norms=1),
    "ernie4_5": USE_BIAS,
    "exaone4": Dense(qk_norm="head"),
    "gemma": ATTENTION_BIAS,
    "gemma2": Dense("attention_bias", "attention_bias", norms=4),
    "gemma3_text": Dense("attention_bias", "attention_bias", norms=4, qk_norm="head"),
    "glm": Dense("attention_bias", mlp=FUSED_MLP),
    "glm4": Dense("attention_bias", norms=4, mlp=FUSED_MLP),
    "granite": BOTH_BIASES,
    "helium": Dense("attention_bias", mlp_bias="mlp_bias"),
    "hunyuan_v1_dense": Dense("attention_bias", "attention_bias", qk_norm="head"),
    "llama": BOTH_BIASES,
    "ministral": Dense(),
    "ministral3": Dense(),
    "mistral": Dense(),
    "nemotron": Dense("attention_bias", "attention_bias", "mlp_bias", weights=2, mlp=UNGATED_MLP),
    "olmo": Dense("attention_bias", "attention_bias", weights=0),
    "olmo2": Dense("attention_bias", "attention_bias", qk_norm="whole"),
    "olmo3": Dense("attention_bias", "attention_bias", qk_norm="whole"),
    "phi": Dense(
        True,
        True,
        True,
        head_bias=True,
        norms=1,
        weights=2,
        out="dense",
        mlp=("fc1", "fc2"),
        qk_norm="",
        qk_norm_key="",
    ),
    "phi3": Dense(fused=True, mlp=FUSED_MLP),
    "qwen2": Dense(qkv_bias=True),
    "qwen2_5_vl_text": Dense(qkv_bias=True),
    "qwen2_vl_text": Dense(qkv_bias=True),
    "qwen3": Dense("attention_bias", "attention_bias", qk_norm="head"),
    "qwen3_vl_text": Dense("attention_bias", "attention_bias", qk_norm="head"),
    "seed_oss": Dense("attention_bias", "attention_out_bias", "mlp_bias"),
    "smollm3": BOTH_BIASES,
    "starcoder2": Dense("use_bias", "use_bias", "use_bias", weights=2, mlp=("c_fc", "c_proj")),
}


def dense_layer(f: Figures, family: Dense) -> Layer:
    """One decoder layer of a dense family. Raises NotCoveredError."""
    hidden = f.count("hidden_size")
    heads, kv_heads, head_dim = layers.heads_of(f)
    one = layers.attention(
        f, _has(f, family.qkv_bias), _has(f, family.out_bias), out=family.out, fused=family.fused
    )
    if family.qk_norm and (not family.qk_norm_key or f.flag(family.qk_norm_key)):
        norm = layers.head_norms if family.qk_norm == "head" else layers.whole_norms
        one += norm(heads, kv_heads, head_dim)
    one += layers.mlp(hidden, f.count("intermediate_size"), names=family.mlp, bias=_has(f, family.mlp_bias))
    return one + layers.norms(hidden, family.norms, family.weights)


def _has(f: Figures, bias: bool | str) -> bool:
    return f.flag(bias) if isinstance(bias, str) else bias


def read_dense(f: Figures) -> Architecture:
    """A dense model. Raises NotCoveredError, also for experts and for layers without attention."""
    family = DENSE[f.model_type]
    if any(f.get(key) for key in EXPERT_KEYS):
        raise NotCoveredError(f"a {f.model_type} with a mixture of experts is not modelled")
    kinds = f.get("layer_types")
    if any(f.get(key) for key in HYBRID_KEYS) or (
        isinstance(kinds, list) and any("attention" not in str(one) or "linear" in str(one) for one in kinds)
    ):
        raise NotCoveredError(f"a {f.model_type} with layers without attention is not modelled")
    hidden, vocabulary = f.count("hidden_size"), f.count("vocab_size")
    return Architecture(
        model_type=f.model_type,
        hidden=hidden,
        kinds=(dense_layer(f, family).times(f.layers()),),
        head_dim=layers.heads_of(f)[2],
        vocabulary=vocabulary,
        tied=f.flag("tie_word_embeddings"),
        outside=family.weights * hidden + (vocabulary if family.head_bias else 0),
    )
