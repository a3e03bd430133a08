"""The shape of a decoder-only model, read from its config.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# model_type -> what its layers have beyond the Llama shape. Everything else is refused: a guess looks like a fact.
QK_NORM = frozenset({"qwen3", "gemma3", "gemma3_text"})
FOUR_NORMS = frozenset({"gemma3", "gemma3_text"})
FUSED = frozenset({"phi3"})
QKV_BIAS = frozenset({"qwen2"})
LLAMA_LIKE = frozenset({"llama", "mistral", "qwen2", "qwen3", "phi3", "gemma3_text", "smollm3"})
EXPERT_KEYS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_intermediate_size")
HYBRID_KEYS = ("mamba_d_state", "ssm_cfg", "layers_block_type", "linear_num_value_heads")
VISION_KEYS = ("vision_config", "audio_config")


class NotCoveredError(Exception):
    """A model whose memory is not predicted; the message says why."""


@dataclass(frozen=True)
class Architecture:
    """A Llama-shaped decoder. Widths are elements; q_width = heads · head_dim, kv_width = kv heads · head_dim."""

    model_type: str
    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    tied: bool
    max_positions: int | None = None

    @property
    def q_width(self) -> int:
        return self.heads * self.head_dim

    @property
    def kv_width(self) -> int:
        return self.kv_heads * self.head_dim

    @property
    def qk_norm(self) -> bool:
        return self.model_type in QK_NORM

    @property
    def fused(self) -> bool:
        """Whether q, k, v and gate, up are one matrix each (Phi-3)."""
        return self.model_type in FUSED

    @property
    def linears(self) -> dict[str, tuple[int, int]]:
        """(in, out) of each linear layer of one decoder layer, by name."""
        h, q, k, f = self.hidden, self.q_width, self.kv_width, self.intermediate
        if self.fused:
            return {
                "qkv_proj": (h, q + 2 * k),
                "o_proj": (q, h),
                "gate_up_proj": (h, 2 * f),
                "down_proj": (f, h),
            }
        return {
            "q_proj": (h, q),
            "k_proj": (h, k),
            "v_proj": (h, k),
            "o_proj": (q, h),
            "gate_proj": (h, f),
            "up_proj": (h, f),
            "down_proj": (f, h),
        }

    @property
    def linear_parameters(self) -> int:
        """Weights of all linear layers but the output head: what bitsandbytes quantises."""
        return self.layers * sum(i * o for i, o in self.linears.values())

    @property
    def other_parameters(self) -> int:
        """Embeddings, output head, norms, biases: what stays in 16 or 32 bits."""
        h = self.hidden
        embeddings = self.vocabulary * h * (1 if self.tied else 2)
        norms = ((4 if self.model_type in FOUR_NORMS else 2) * self.layers + 1) * h
        if self.qk_norm:
            norms += 2 * self.layers * self.head_dim
        biases = self.layers * (self.q_width + 2 * self.kv_width) if self.model_type in QKV_BIAS else 0
        return embeddings + norms + biases

    @property
    def parameters(self) -> int:
        return self.linear_parameters + self.other_parameters


def read_architecture(config: Mapping[str, Any]) -> Architecture:
    """The shape in a config.json. Raises NotCoveredError for experts, hybrid layers, vision or audio towers, unknown
    families and missing figures.
    """
    model_type = str(config.get("model_type", ""))
    text = config.get("text_config")
    if any(config.get(key) for key in VISION_KEYS):
        raise NotCoveredError(f"{model_type} has a vision or audio tower, whose memory is not modelled")
    if isinstance(text, Mapping):
        config = {**config, **text}
        model_type = str(config.get("model_type", model_type))
    if any(config.get(key) for key in EXPERT_KEYS):
        raise NotCoveredError(
            f"{model_type} is a mixture of experts: bitsandbytes leaves its fused expert weights unquantised"
        )
    kinds = config.get("layer_types")
    if any(config.get(key) for key in HYBRID_KEYS) or (
        isinstance(kinds, list)
        and any("attention" not in str(kind) or "linear" in str(kind) for kind in kinds)
    ):
        raise NotCoveredError(f"{model_type} has layers without attention, whose memory is not modelled")
    if model_type not in LLAMA_LIKE:
        raise NotCoveredError(f"the family {model_type or 'of this model'!r} is not modelled")
    return _shape(config, model_type)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _shape(config: Mapping[str, Any], model_type: str) -> Architecture:
    def figure(key: str) -> int:
        value = config.get(key)
        if not _is_count(value):
            raise NotCoveredError(f"its config.json says {key}: {value!r}")
        return int(value)  # type: ignore[arg-type]

    hidden, heads = figure("hidden_size"), figure("num_attention_heads")
    if heads > hidden and config.get("head_dim") is None:
        raise NotCoveredError(f"its config.json says num_attention_heads: {heads}, and hidden_size: {hidden}")
    positions = config.get("max_position_embeddings")
    return Architecture(
        model_type=model_type,
        hidden=hidden,
        intermediate=figure("intermediate_size"),
        layers=figure("num_hidden_layers"),
        heads=heads,
        kv_heads=figure("num_key_value_heads") if config.get("num_key_value_heads") is not None else heads,
        head_dim=figure("head_dim") if config.get("head_dim") is not None else hidden // heads,
        vocabulary=figure("vocab_size"),
        # transformers' own default; a family that differs writes it into its config.json.
        tied=bool(config.get("tie_word_embeddings", model_type.startswith(("gemma", "smollm3")))),
        max_positions=figure("max_position_embeddings") if _is_count(positions) else None,
    )
