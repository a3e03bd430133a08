"""The parts that decoder layers are made of: attention and what takes its place, MLPs, experts, norms.

Parameters are exact, and held against the models that transformers builds (tests/train/test_architectures.py). Bytes in
`saved` are those that a token's pass through the part keeps for its backward pass beyond a Llama layer's, in a 16-bit
stream, tracked on the CPU while the real stack trained small shapes.
"""

from __future__ import annotations

from runner.insight.memory.architecture import Layer, Linear, NotCoveredError
from runner.insight.memory.config_figures import Figures


def heads_of(f: Figures) -> tuple[int, int, int]:
    """Heads, heads of keys, and the width of one: hidden / heads where head_dim is not said."""
    hidden, heads = f.count("hidden_size"), f.count("num_attention_heads")
    if heads > hidden and f.get("head_dim") is None:
        raise NotCoveredError(f"its config.json says num_attention_heads: {heads}, and hidden_size: {hidden}")
    return heads, f.optional("num_key_value_heads") or heads, f.optional("head_dim") or hidden // heads


def attention(
    f: Figures,
    bias: bool = False,
    out_bias: bool | None = None,
    out: str = "o_proj",
    fused: bool = False,
    gated: bool = False,
) -> Layer:
    """Attention with its four projections, or with one for queries, keys and values (`fused`); `gated` doubles the
    queries' by a gate for the output (Qwen3-Next).
    """
    heads, kv_heads, head_dim = heads_of(f)
    return attention_of(f.count("hidden_size"), heads, kv_heads, head_dim, bias, out_bias, out, fused, gated)


def attention_of(
    hidden: int,
    heads: int,
    kv_heads: int,
    head_dim: int,
    bias: bool = False,
    out_bias: bool | None = None,
    out: str = "o_proj",
    fused: bool = False,
    gated: bool = False,
) -> Layer:
    """The same by its widths. `bias` is that of queries, keys and values, `out_bias` the output's (None: the same)."""
    q, k = heads * head_dim, kv_heads * head_dim
    wide = 2 * q if gated else q
    if fused:
        ins = [Linear("self_attn.qkv_proj", hidden, q + 2 * k, "mix_in")]
    else:
        ins = [
            Linear("self_attn.q_proj", hidden, wide, "mix_in"),
            Linear("self_attn.k_proj", hidden, k, "mix_in"),
            Linear("self_attn.v_proj", hidden, k, "mix_in"),
        ]
    biases = (wide + 2 * k if bias else 0) + (hidden if (bias if out_bias is None else out_bias) else 0)
    return Layer(
        linears=(*ins, Linear(f"self_attn.{out}", q, hidden, "mix_out")),
        other=biases,
        queries=q,
        keys=k,
        heads=heads,
        kv_heads=kv_heads,
        # Views keep the fused output alive beside its parts; a gate, its sigmoid and the ungated output are kept.
        saved=(2.0 * q + 2.0 * k if fused else 0.0) + (6.0 * q if gated else 0.0),
    )


def latent_attention(f: Figures) -> Layer:
    """Multi-head latent attention (DeepSeek-V2, 2405.04434): queries and keys through narrow middles."""
    hidden, heads = f.count("hidden_size"), f.count("num_attention_heads")
    nope, rope, value = f.count("qk_nope_head_dim"), f.count("qk_rope_head_dim"), f.count("v_head_dim")
    narrow, narrow_q = f.count("kv_lora_rank"), f.optional("q_lora_rank")
    q, v = heads * (nope + rope), heads * value
    if narrow_q is None:
        queries = [Linear("self_attn.q_proj", hidden, q, "mix_in")]
    else:
        queries = [
            Linear("self_attn.q_a_proj", hidden, narrow_q, "mix_in"),
            Linear("self_attn.q_b_proj", narrow_q, q),
        ]
    linears = (
        *queries,
        Linear("self_attn.kv_a_proj_with_mqa", hidden, narrow + rope, "mix_in"),
        Linear("self_attn.kv_b_proj", narrow, heads * (nope + value)),
        Linear("self_attn.o_proj", v, hidden, "mix_out"),
    )
    biases = (narrow_q or 0) + narrow + rope + hidden if f.flag("attention_bias") else 0
    return Layer(
        linears=linears,
        other=narrow + (narrow_q or 0) + biases,
        queries=q,
        keys=q,
        heads=heads,
        kv_heads=heads,
        saved=6.0 * (narrow + (narrow_q or 0)) + 4.0 * q,
        tracked=False,
    )


def norms(width: int, count: int = 2, weights: int = 1) -> Layer:
    """Norms of the residual stream; `weights` is 2 with a bias, 0 for none. Each beyond two saves its input in fp32;
    torch's own LayerNorm (the one with a bias) saves it as it is.
    """
    if count == 1:
        saved = 0.0 if weights == 2 else -2.0
    else:
        saved = 4.0 * (count - 2) - (2.0 * count if weights == 2 else 0.0)
    return Layer(other=weights * count * width, saved=saved * width)


def head_norms(heads: int, kv_heads: int, head_dim: int) -> Layer:
    """Norms of queries and keys, a head at a time with the same weights."""
    q, k = heads * head_dim, kv_heads * head_dim
    return Layer(other=2 * head_dim, saved=4.0 * q + 4.0 * k + 4.0 * (heads + kv_heads))


def whole_norms(heads: int, kv_heads: int, head_dim: int) -> Layer:
    """Norms over all queries and over all keys at once (OLMo 2), or with weights of their own for each head."""
    q, k = heads * head_dim, kv_heads * head_dim
    return Layer(other=q + k, saved=4.0 * q + 4.0 * k + 8.0)


def mlp(
    hidden: int,
    width: int,
    path: str = "mlp",
    names: tuple[str, ...] = ("gate_proj", "up_proj", "down_proj"),
    bias: bool = False,
) -> Layer:
    """A dense MLP by the names of its layers: gate, up and down; one matrix for gate and up, and down; or up and down
    alone, without a gate.
    """
    *ins, down = names
    fused = len(ins) == 1 and ("gate_up" in ins[0] or "input_linear" in ins[0])
    wide = 2 * width if fused else width
    inputs = tuple(Linear(f"{path}.{name}", hidden, wide, "mlp_in") for name in ins)
    gated = fused or len(ins) == 2
    return Layer(
        linears=(*inputs, Linear(f"{path}.{down}", width, hidden, "mlp_out")),
        other=len(ins) * wide + hidden if bias else 0,
        width=width,
        # One matrix keeps its output beside both halves. Without a gate neither gate nor product is kept; Phi's
        # gelu_new, put together of several steps, keeps as much as both.
        saved=2.0 * hidden if fused else 0.0 if gated or ins == ["fc1"] else -4.0 * width,
    )


def experts(hidden: int, width: int, count: int, used: int, path: str = "mlp", bias: bool = False) -> Layer:
    """Fused experts and their router, which is a bare tensor: `used` of `count` are passed by each token."""
    if used > count:
        raise NotCoveredError(f"its config.json says {used} experts for a token, of {count}")
    weights = 3 * count * width * hidden + (count * (2 * width + hidden) if bias else 0)
    return Layer(
        other=count * hidden + (count if bias else 0),
        experts=weights,
        width=used * width,
        # The gathered rows and each expert's output wait for the router's weights.
        saved=used * (2.0 * hidden + 34.0) + 4.0 * count,
        tracked=False,
    )


def delta_net(f: Figures, split: bool) -> Layer:
    """The gated delta rule (2412.06464) in place of attention: of Qwen3-Next, and of Qwen3.5, which splits its input
    into four projections.
    """
    hidden = f.count("hidden_size")
    k_heads, v_heads = f.count("linear_num_key_heads"), f.count("linear_num_value_heads")
    k_dim, v_dim = f.count("linear_key_head_dim"), f.count("linear_value_head_dim")
    key, value = k_heads * k_dim, v_heads * v_dim
    path = "linear_attn"
    if split:
        ins: tuple[tuple[str, int], ...] = (
            ("in_proj_qkv", 2 * key + value),
            ("in_proj_z", value),
            ("in_proj_b", v_heads),
            ("in_proj_a", v_heads),
        )
    else:
        ins = (("in_proj_qkvz", 2 * key + 2 * value), ("in_proj_ba", 2 * v_heads))
    return Layer(
        linears=(
            *(Linear(f"{path}.{name}", hidden, wide, "mix_in") for name, wide in ins),
            Linear(f"{path}.out_proj", value, hidden, "mix_out"),
        ),
        other=2 * v_heads + (2 * key + value) * f.count("linear_conv_kernel_dim") + v_dim,
        saved=delta_bytes(key, value, v_heads, k_dim),
        tracked=False,
    )


def delta_bytes(key: int, value: int, v_heads: int, k_dim: int) -> float:
    """Bytes a token that transformers' own PyTorch path of the gated delta rule saves, in chunks of 64 tokens: fp32
    queries, keys and values several times over, and for each head of values 64 numbers a token of its matrices.
    """
    wide = v_heads * k_dim
    return 34.0 * wide + 34.0 * value + 8.0 * key + 19.5 * 64 * v_heads


def mamba(f: Figures, inner: int, gated_norm: bool) -> Layer:
    """A Mamba-2 mixer (2405.21060) of the width `inner`."""
    hidden, heads = f.count("hidden_size"), f.count("mamba_n_heads")
    state = f.count("mamba_n_groups") * f.count("mamba_d_state")
    convolved = inner + 2 * state
    inside = inner + convolved + heads
    biases = inside if f.flag("mamba_proj_bias") else 0
    out_bias = f.flag("projectors_bias") if f.model_type == "falcon_h1" else f.flag("mamba_proj_bias")
    return Layer(
        linears=(
            Linear("mamba.in_proj", hidden, inside, "mix_in"),
            # PEFT refuses adapters on it for Falcon-H1: its fused path reads the bare weight.
            Linear("mamba.out_proj", inner, hidden, "mix_out", adapted=f.model_type != "falcon_h1"),
        ),
        other=3 * heads
        + convolved * (f.count("mamba_d_conv") + int(f.flag("mamba_conv_bias")))
        + (inner if gated_norm else 0)
        + biases
        + (hidden if out_bias else 0),
        saved=mamba_bytes(inner, convolved, heads, f),
        tracked=False,
    )


def mamba_bytes(inner: int, convolved: int, heads: int, f: Figures) -> float:
    """Bytes a token that transformers' own PyTorch path of Mamba-2 saves: the products of B and C with each other for
    each head over a chunk, and inputs and states in fp32.
    """
    chunk, state = f.count("mamba_chunk_size"), f.count("mamba_d_state")
    return 35.0 * inner + 8.0 * convolved + 11.6 * heads * chunk + 20.75 * heads * state


def short_convolution(f: Figures) -> Layer:
    """LFM2's gated short convolution in place of attention."""
    hidden, bias = f.count("hidden_size"), f.flag("conv_bias")
    return Layer(
        linears=(
            Linear("conv.in_proj", hidden, 3 * hidden, "mix_in"),
            Linear("conv.out_proj", hidden, hidden, "mix_out"),
        ),
        other=hidden * f.count("conv_L_cache") + (5 * hidden if bias else 0),
        saved=12.0 * hidden,
        tracked=False,
    )
