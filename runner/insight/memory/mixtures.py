"""Mixtures of experts: which layers have them, and how many.

transformers 5 holds all experts of a layer as two tensors (experts.gate_up_proj, experts.down_proj), which bitsandbytes
does not touch: they keep 16 bits, and every one of them is resident however few a token passes. No adapter is put on
them: PEFT would write out all experts of a layer a second time for every pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from runner.insight.memory import layers
from runner.insight.memory.architecture import Architecture, Layer, Linear, NotCoveredError
from runner.insight.memory.config_figures import Figures

# Families whose adapters PEFT moves from layers of these names to the fused tensors and the router (its
# transformers_weight_conversion.py), dense and shared MLPs of the same names included: none of them gets an adapter.
CONVERTED = frozenset(
    {
        *("deepseek_v3", "ernie4_5_moe", "glm4_moe", "glm4_moe_lite"),
        *("mixtral", "olmoe", "qwen3_moe", "qwen3_next"),
    }
)
CONVERTED_NAMES = frozenset({"gate", "gate_proj", "up_proj", "down_proj", "w1", "w2", "w3"})


def without_converted(one: Layer) -> Layer:
    """The same layer, where no adapter is put on what PEFT would move to the experts."""
    return replace(
        one,
        linears=tuple(
            replace(linear, adapted=linear.adapted and linear.name not in CONVERTED_NAMES)
            for linear in one.linears
        ),
    )


def assemble(f: Figures, sequence: Sequence[Layer], outside: int | None = None) -> Architecture:
    """A model of these layers in this order, with one final norm beside them."""
    if f.model_type in CONVERTED:
        sequence = [without_converted(one) for one in sequence]
    kinds = list(dict.fromkeys(sequence))
    order = tuple(kinds.index(one) for one in sequence)
    hidden = f.count("hidden_size")
    return Architecture(
        model_type=f.model_type,
        hidden=hidden,
        kinds=tuple(kind.times(order.count(index)) for index, kind in enumerate(kinds)),
        head_dim=f.optional("head_dim") or max(1, hidden // f.count("num_attention_heads")),
        vocabulary=f.count("vocab_size"),
        tied=f.flag("tie_word_embeddings"),
        order=order if len(kinds) > 1 else (),
        outside=hidden if outside is None else outside,
    )


def uniform(f: Figures, mixer: Layer, sparse: Layer, norms: int = 2, weights: int = 1) -> Architecture:
    """The same layer all over."""
    hidden = f.count("hidden_size")
    one = mixer + sparse + layers.norms(hidden, norms, weights)
    return assemble(f, [one] * f.layers(), outside=weights * hidden)


def mixtral(f: Figures) -> Architecture:
    return uniform(f, layers.attention(f), _experts(f, "num_local_experts", "intermediate_size"))


def _experts(f: Figures, count: str, width: str, path: str = "mlp", bias: bool = False) -> Layer:
    return layers.experts(
        f.count("hidden_size"), f.count(width), f.count(count), f.count("num_experts_per_tok"), path, bias
    )


def shared(f: Figures, width: int, path: str, gate: str = "") -> Layer:
    """An expert that every token passes, with a gate of one number where it has one."""
    hidden = f.count("hidden_size")
    one = layers.mlp(hidden, width, path)
    return one + Layer(linears=(Linear(gate, hidden, 1),), saved=2.0 * hidden) if gate else one


def qwen_moe(f: Figures) -> Architecture:
    """Qwen2-MoE and Qwen3-MoE: a dense layer wherever mlp_only_layers or decoder_sparse_step say so."""
    hidden = f.count("hidden_size")
    third = f.model_type != "qwen2_moe"
    if third:
        mixer = layers.attention(f, f.flag("attention_bias")) + layers.head_norms(*layers.heads_of(f))
    else:
        mixer = layers.attention(f, f.flag("qkv_bias"), out_bias=False)
    sparse = _experts(f, "num_experts", "moe_intermediate_size")
    if not third:
        width = f.count("shared_expert_intermediate_size")
        sparse += shared(f, width, "mlp.shared_expert", "mlp.shared_expert_gate")
    plain = layers.mlp(hidden, f.count("intermediate_size"))
    norm = layers.norms(hidden)
    return assemble(f, [mixer + (sparse if is_sparse else plain) + norm for is_sparse in sparse_steps(f)])


def sparse_steps(f: Figures) -> list[bool]:
    """Which layers have experts, by mlp_only_layers and decoder_sparse_step."""
    step, only = f.count("decoder_sparse_step"), set(f.indices("mlp_only_layers"))
    return [index not in only and (index + 1) % step == 0 for index in range(f.layers())]


def gpt_oss(f: Figures) -> Architecture:
    """Attention with biases and a sink a head; experts with biases."""
    bias = f.flag("attention_bias")
    mixer = layers.attention(f, bias) + Layer(other=f.count("num_attention_heads"))
    return uniform(f, mixer, _experts(f, "num_local_experts", "intermediate_size", bias=True))


def olmoe(f: Figures) -> Architecture:
    mixer = layers.attention(f, f.flag("attention_bias")) + layers.whole_norms(*layers.heads_of(f))
    return uniform(f, mixer, _experts(f, "num_experts", "intermediate_size"))


def phimoe(f: Figures) -> Architecture:
    """LayerNorms with biases, and an output head with one."""
    one = uniform(
        f,
        layers.attention(f, f.flag("attention_bias")),
        _experts(f, "num_local_experts", "intermediate_size"),
        weights=2,
    )
    return one if not f.flag("lm_head_bias") else _with_outside(one, f.count("vocab_size"))


def _with_outside(one: Architecture, more: int) -> Architecture:
    return replace(one, outside=one.outside + more)


def granitemoe(f: Figures) -> Architecture:
    """Granite's experts, and in the shared kind an MLP beside them."""
    sparse = _experts(f, "num_local_experts", "intermediate_size", "block_sparse_moe")
    if f.model_type == "granitemoeshared" and f.get("shared_intermediate_size"):
        sparse += granite_mlp(f)
    return uniform(f, layers.attention(f, f.flag("attention_bias")), sparse)


def granite_mlp(f: Figures) -> Layer:
    width = f.count("shared_intermediate_size")
    return layers.mlp(f.count("hidden_size"), width, "shared_mlp", ("input_linear", "output_linear"))


def deepseek(f: Figures) -> Architecture:
    """DeepSeek-V3 and GLM-4.5 with its lite kind: dense first layers, then experts with shared ones beside them."""
    hidden, count = f.count("hidden_size"), f.layers()
    if f.model_type == "glm4_moe":
        mixer = layers.attention(f, f.flag("attention_bias"), out_bias=False)
        if f.flag("use_qk_norm"):
            mixer += layers.head_norms(*layers.heads_of(f))
    else:
        mixer = layers.latent_attention(f)
    width = f.count("moe_intermediate_size")
    sparse = _experts(f, "n_routed_experts", "moe_intermediate_size")
    sparse += shared(f, width * f.count("n_shared_experts"), "mlp.shared_experts")
    plain = layers.mlp(hidden, f.count("intermediate_size"))
    norm = layers.norms(hidden)
    return assemble(f, [mixer + (sparse if one else plain) + norm for one in _after_the_first(f, count)])


def _after_the_first(f: Figures, count: int) -> list[bool]:
    kinds = f.get("mlp_layer_types")
    if isinstance(kinds, list) and f.model_type == "glm4_moe_lite":
        if len(kinds) != count:
            raise NotCoveredError("its config.json says mlp_layer_types that are not one a layer")
        return [kind == "sparse" for kind in kinds]
    first = f.number("first_k_dense_replace") if f.get("first_k_dense_replace") is not None else 1
    return [index >= first for index in range(count)]


def ernie(f: Figures) -> Architecture:
    """ERNIE 4.5: experts from one layer to another, at an interval, with a correction a router's expert."""
    hidden, count, bias = f.count("hidden_size"), f.layers(), f.flag("use_bias")
    width, many = f.count("moe_intermediate_size"), f.count("moe_num_experts")
    sparse = layers.experts(hidden, width, many, f.count("moe_k")) + Layer(other=many)
    if f.get("moe_num_shared_experts"):
        sparse += layers.mlp(
            hidden, width * f.count("moe_num_shared_experts"), "mlp.shared_experts", bias=bias
        )
    plain = layers.mlp(hidden, f.count("intermediate_size"), bias=bias)
    mixer, norm = layers.attention(f, bias), layers.norms(hidden)
    start, step = f.number("moe_layer_start_index"), f.count("moe_layer_interval")
    end = count - 1 if f.get("moe_layer_end_index") == -1 else f.number("moe_layer_end_index")
    are = [(index + 1) % step == 0 and start <= index <= end for index in range(count)]
    one = assemble(f, [mixer + (sparse if is_sparse else plain) + norm for is_sparse in are])
    return _with_outside(one, f.count("vocab_size")) if bias else one


def llama4(f: Figures) -> Architecture:
    """Llama 4: every token is computed by all experts of a layer, weighted by its router; one shared expert beside."""
    hidden, count, many = f.count("hidden_size"), f.layers(), f.count("num_local_experts")
    width = f.count("intermediate_size")
    sparse = layers.experts(hidden, width, many, many, "feed_forward")
    sparse += layers.mlp(hidden, width, "feed_forward.shared_expert")
    # The router is a class of its own above torch.nn.Linear: not quantised, and no adapter fits it.
    plain = layers.mlp(hidden, f.count("intermediate_size_mlp"), "feed_forward")
    mixer, norm = layers.attention(f, f.flag("attention_bias")), layers.norms(hidden)
    step = f.count("interleave_moe_layer_step")
    chosen = (
        set(f.indices("moe_layers")) if f.get("moe_layers") is not None else set(range(step - 1, count, step))
    )
    return assemble(f, [mixer + (sparse if index in chosen else plain) + norm for index in range(count)])


Reader = Callable[[Figures], Architecture]

MIXTURES: dict[str, Reader] = {
    "deepseek_v3": deepseek,
    "ernie4_5_moe": ernie,
    "glm4_moe": deepseek,
    "glm4_moe_lite": deepseek,
    "gpt_oss": gpt_oss,
    "granitemoe": granitemoe,
    "granitemoeshared": granitemoe,
    "llama4_text": llama4,
    "mixtral": mixtral,
    "olmoe": olmoe,
    "phimoe": phimoe,
    "qwen2_moe": qwen_moe,
    "qwen3_moe": qwen_moe,
    "qwen3_vl_moe_text": qwen_moe,
}
