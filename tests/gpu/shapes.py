"""Models of a real shape with random weights, written to disk: nothing is downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runner.preset.files import shipped_folder

# Qwen3-8B's published configuration.
QWEN3_8B: dict[str, Any] = {
    "hidden_size": 4096,
    "intermediate_size": 12288,
    "num_hidden_layers": 36,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 151936,
    "max_position_embeddings": 40960,
    "tie_word_embeddings": False,
}
TINY: dict[str, Any] = {
    **QWEN3_8B,
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 64,
    "vocab_size": 4096,
}
# Its scores, not its layers, are what takes memory.
SHALLOW: dict[str, Any] = {**QWEN3_8B, "num_hidden_layers": 2}
# Activations of a few rows that outgrow what is left of a card, with weights that do not.
WIDE: dict[str, Any] = {**QWEN3_8B, "num_hidden_layers": 4, "vocab_size": 32768}


def write_model(folder: Path, shape: dict[str, Any], device: str = "cuda") -> Path:
    """A Qwen3 of this shape with random bf16 weights made on the device, and the demo's tokenizer."""
    import torch
    from transformers import AutoTokenizer, Qwen3Config, Qwen3ForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(shipped_folder() / "demo" / "model")
    config = Qwen3Config(
        **shape,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        dtype="bfloat16",
    )
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(device):
            model = Qwen3ForCausalLM(config)
    finally:
        torch.set_default_dtype(torch.float32)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
