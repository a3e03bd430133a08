"""Models with layers of several kinds: linear attention, Mamba, convolutions; and Gemma 4, whose attention differs from
layer to layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from runner.insight.memory import layers
from runner.insight.memory.architecture import Architecture, Layer, Linear, NotCoveredError
from runner.insight.memory.config_figures import Figures
from runner.insight.memory.mixtures import Reader, assemble, granite_mlp, shared, sparse_steps

ATTENTION = "full_attention"


def pick(mixers: dict[str, Layer], kind: str) -> Layer:
    """The mixer of a kind of layer. Raises NotCoveredError for a word that is none."""
    if kind not in mixers:
        raise NotCoveredError(f"its config.json says a layer of the kind {kind[:30]!r}")
    return mixers[kind]


def qwen_hybrid(f: Figures) -> Architecture:
    """Qwen3-Next and Qwen3.5: three layers of the gated delta rule, then one of gated attention; some with experts."""
    hidden, count = f.count("hidden_size"), f.layers()
    every = f.count("full_attention_interval") if f.get("full_attention_interval") is not None else 4
    usual = ["linear_attention" if (index + 1) % every else ATTENTION for index in range(count)]
    attention = layers.attention(f, f.flag("attention_bias"), gated=True)
    mixers = {
        ATTENTION: attention + layers.head_norms(*layers.heads_of(f)),
        "linear_attention": layers.delta_net(f, split=f.model_type != "qwen3_next"),
    }
    plain = (
        layers.mlp(hidden, f.count("intermediate_size")) if f.model_type != "qwen3_5_moe_text" else Layer()
    )
    sparse = plain
    if f.model_type != "qwen3_5_text":
        used = f.count("num_experts_per_tok")
        sparse = layers.experts(hidden, f.count("moe_intermediate_size"), f.count("num_experts"), used)
        width = f.count("shared_expert_intermediate_size")
        sparse += shared(f, width, "mlp.shared_expert", "mlp.shared_expert_gate")
    have = sparse_steps(f) if f.model_type == "qwen3_next" else [True] * count
    kinds, norm = f.kinds(usual), layers.norms(hidden)
    return assemble(
        f,
        [
            pick(mixers, kind) + (sparse if is_sparse else plain) + norm
            for kind, is_sparse in zip(kinds, have, strict=True)
        ],
    )


def granite_hybrid(f: Figures) -> Architecture:
    """Granite 4: Mamba-2 layers, some of attention; a shared MLP in each, and experts where it has any."""
    hidden, count = f.count("hidden_size"), f.layers()
    mamba = layers.mamba(f, f.count("mamba_expand") * hidden, gated_norm=True)
    attention = layers.attention(f, f.flag("attention_bias"))
    mixers = {"mamba": mamba, "linear_attention": mamba, "attention": attention, ATTENTION: attention}
    feed = granite_mlp(f)
    if many := f.number("num_local_experts"):
        used = f.count("num_experts_per_tok")
        feed += layers.experts(hidden, f.count("intermediate_size"), many, used, "block_sparse_moe")
    kinds, norm = f.kinds(_block_types(f) or ["mamba"] * count), layers.norms(hidden)
    return assemble(f, [pick(mixers, kind) + feed + norm for kind in kinds])


def _block_types(f: Figures) -> list[str]:
    """layers_block_type, the older name of layer_types."""
    found = f.get("layers_block_type")
    if found is None:
        return []
    if not isinstance(found, list) or len(found) != f.layers():
        raise NotCoveredError("its config.json says layers_block_type that are not one a layer")
    return [str(kind) for kind in found]


def falcon_h1(f: Figures) -> Architecture:
    """Falcon-H1: Mamba-2 and attention side by side in every layer."""
    hidden = f.count("hidden_size")
    inner = f.optional("mamba_d_ssm") or f.count("mamba_expand") * hidden
    one = layers.mamba(f, inner, gated_norm=f.flag("mamba_rms_norm"))
    one += layers.attention(f, f.flag("attention_bias"))
    one += layers.mlp(hidden, f.count("intermediate_size"), "feed_forward", bias=f.flag("mlp_bias"))
    return assemble(f, [one + layers.norms(hidden)] * f.layers())


def lfm2(f: Figures) -> Architecture:
    """LFM2: gated short convolutions and some attention; in lfm2_moe with experts after the first layers."""
    hidden, count = f.count("hidden_size"), f.layers()
    chosen = f.indices("full_attn_idxs") if f.get("full_attn_idxs") is not None else list(range(count))
    usual = [ATTENTION if index in chosen else "conv" for index in range(count)]
    heads = layers.heads_of(f)
    mixers = {
        ATTENTION: layers.attention(f, out="out_proj") + layers.head_norms(*heads),
        "conv": layers.short_convolution(f),
    }
    names = ("w1", "w3", "w2")
    plain = layers.mlp(hidden, _lfm2_width(f), "feed_forward", names)
    sparse, first = plain, count
    if f.model_type == "lfm2_moe":
        used, many = f.count("num_experts_per_tok"), f.count("num_experts")
        sparse = layers.experts(hidden, f.count("moe_intermediate_size"), many, used, "feed_forward")
        first = f.number("num_dense_layers")
    norm = layers.norms(hidden)
    sequence = [
        pick(mixers, kind) + (plain if index < first else sparse) + norm
        for index, kind in enumerate(f.kinds(usual))
    ]
    tied = f.get("tie_embedding")
    one = assemble(f, sequence)
    return one if tied is None else replace(one, tied=bool(tied))


def _lfm2_width(f: Figures) -> int:
    """The MLP's width as Lfm2MLP computes it: two thirds, times a factor, rounded up to a multiple."""
    width = f.count("block_ff_dim") if f.get("block_ff_dim") is not None else f.count("intermediate_size")
    if f.model_type == "lfm2_moe" or not f.flag("block_auto_adjust_ff_dim"):
        return width
    width = int(2 * width / 3)
    factor = f.get("block_ffn_dim_multiplier")
    if factor is None:
        return width
    if not isinstance(factor, int | float) or not 0 < factor < 100:
        raise NotCoveredError(f"its config.json says block_ffn_dim_multiplier: {str(factor)[:30]}")
    multiple = f.count("block_multiple_of")
    return multiple * -(-int(factor * width) // multiple)


def gemma4(f: Figures) -> Architecture:
    """Gemma 4: wider heads where attention is full, keys and values shared by the last layers, an embedding for each
    layer beside the common one, and experts beside the MLP in one of its sizes.
    """
    hidden, count = f.count("hidden_size"), f.layers()
    kinds = f.kinds([ATTENTION if not (index + 1) % 6 else "sliding_attention" for index in range(count)])
    # transformers makes the last layer one of full attention whatever is written.
    kinds[-1] = ATTENTION
    per_layer = f.number("hidden_size_per_layer_input") if f.get("hidden_size_per_layer_input") else 0
    first_shared = count - f.number("num_kv_shared_layers")
    sequence = [
        _gemma4_attention(f, kind, index, index >= first_shared)
        + _gemma4_feed(f, index >= first_shared)
        + _gemma4_aside(hidden, per_layer)
        for index, kind in enumerate(kinds)
    ]
    one = assemble(f, sequence)
    if not per_layer:
        return one
    wide = count * per_layer
    return replace(
        one,
        outside=hidden + f.count("vocab_size_per_layer_input") * wide + per_layer,
        outside_linears=(Linear("per_layer_model_projection", hidden, wide),),
    )


def _gemma4_heads(f: Figures, kind: str, index: int) -> tuple[int, int]:
    """Heads of keys and the width of a head of one layer: what transformers wrote for it, or what is meant for all
    layers of full attention.
    """
    saved = f.get("per_layer_config")
    if isinstance(saved, Mapping):
        own = saved.get(str(index))
        f = Figures({**f.values, **(own if isinstance(own, Mapping) else {})}, f.model_type)
        return f.count("num_key_value_heads"), f.count("head_dim")
    kv_heads, head_dim = f.count("num_key_value_heads"), f.count("head_dim")
    if kind != ATTENTION:
        return kv_heads, head_dim
    if f.flag("attention_k_eq_v"):
        kv_heads = f.optional("num_global_key_value_heads") or kv_heads
    # Popped by its config class, and so no field with a default.
    return kv_heads, f.optional("global_head_dim") or 512


def _gemma4_attention(f: Figures, kind: str, index: int, shares: bool) -> Layer:
    if kind not in (ATTENTION, "sliding_attention"):
        raise NotCoveredError(f"its config.json says a layer of the kind {kind[:30]!r}")
    hidden, heads = f.count("hidden_size"), f.count("num_attention_heads")
    kv_heads, head_dim = _gemma4_heads(f, kind, index)
    one_matrix = kind == ATTENTION and f.flag("attention_k_eq_v")
    whole = layers.attention_of(hidden, heads, kv_heads, head_dim, f.flag("attention_bias"))
    drop = ("k_proj", "v_proj") if shares else ("v_proj",) if one_matrix else ()
    bias = sum(x.outputs for x in whole.linears if x.name in drop) if f.flag("attention_bias") else 0
    norm = layers.head_norms(heads, kv_heads, head_dim)
    return replace(
        whole + norm,
        linears=tuple(x for x in whole.linears if x.name not in drop),
        other=whole.other - bias + (head_dim if shares else 2 * head_dim),
        # Values are normed too.
        saved=whole.saved + norm.saved + 4.0 * kv_heads * (head_dim + 1),
        tracked=False,
    )


def _gemma4_feed(f: Figures, shares: bool) -> Layer:
    hidden = f.count("hidden_size")
    double = 2 if f.flag("use_double_wide_mlp") and shares else 1
    one = layers.mlp(hidden, f.count("intermediate_size") * double) + layers.norms(hidden, 4)
    if not f.flag("enable_moe_block"):
        return one
    many, used = f.count("num_experts"), f.count("top_k_experts")
    sparse = layers.experts(hidden, f.count("moe_intermediate_size"), many, used)
    # Its router is a Linear, with a scale of the input and of each expert; three norms are beside those of the MLP.
    router = Layer(linears=(Linear("router.proj", hidden, many),), other=hidden + many + 3 * hidden)
    return one + replace(sparse, other=0) + replace(router, saved=12.0 * hidden)


def _gemma4_aside(hidden: int, per_layer: int) -> Layer:
    if not per_layer:
        return Layer()
    return Layer(
        linears=(
            Linear("per_layer_input_gate", hidden, per_layer),
            Linear("per_layer_projection", per_layer, hidden),
        ),
        other=hidden,
        saved=6.0 * hidden + 8.0 * per_layer,
    )


HYBRIDS: dict[str, Reader] = {
    "falcon_h1": falcon_h1,
    "gemma4_text": gemma4,
    "granitemoehybrid": granite_hybrid,
    "lfm2": lfm2,
    "lfm2_moe": lfm2,
    "qwen3_5_moe_text": qwen_hybrid,
    "qwen3_5_text": qwen_hybrid,
    "qwen3_next": qwen_hybrid,
}
