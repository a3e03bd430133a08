"""Which attention kernels a family has in transformers: loading with another ends the run."""

from __future__ import annotations

# Soft caps and sinks are not in torch's scaled_dot_product_attention.
WITHOUT_SDPA = frozenset({"gemma2", "gpt_oss"})
# Llama 4's chunked attention is not in flash-attn's interface.
WITHOUT_FLASH = frozenset({"llama4", "llama4_text"})


def lacks(model_type: str, implementation: str) -> bool:
    """Whether a family cannot be loaded with a model.attn_implementation."""
    if implementation == "sdpa":
        return model_type in WITHOUT_SDPA
    return implementation == "flash_attention_2" and model_type in WITHOUT_FLASH
