"""Architectures by their figures alone, for tests that need one and no config.json."""

from __future__ import annotations

from dataclasses import replace

from runner.insight.memory.architecture import Architecture
from runner.insight.memory.config_figures import Figures
from runner.insight.memory.dense import read_dense


def dense(
    model_type: str,
    hidden: int,
    intermediate: int,
    count: int,
    heads: int,
    kv_heads: int,
    head_dim: int,
    vocabulary: int,
    tied: bool,
    max_positions: int | None = None,
) -> Architecture:
    """A dense model by its figures alone, with its family's defaults for the rest. Raises NotCoveredError."""
    figures = {
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "num_hidden_layers": count,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": head_dim,
        "vocab_size": vocabulary,
        "tie_word_embeddings": tied,
    }
    one = read_dense(Figures(figures, model_type))
    return one if max_positions is None else replace(one, max_positions=max_positions)
