"""Repositories of quantised weights: those of bitsandbytes, which can be trained on, by what their config.json says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.insight.memory.architecture import Stored


def stored_quantization(config: Mapping[str, Any]) -> Stored | None:
    """How bitsandbytes stored the weights; None for weights in 16 or 32 bits, or of another method.

    Names and defaults are those of transformers' BitsAndBytesConfig: no double quantisation unless it says so.
    """
    said = config.get("quantization_config")
    if not isinstance(said, Mapping) or not is_bitsandbytes(said):
        return None
    skipped = said.get("llm_int8_skip_modules")
    names = tuple(str(name) for name in skipped) if isinstance(skipped, list) else ()
    if said.get("load_in_8bit") or said.get("_load_in_8bit"):
        return Stored("int8", names)
    return Stored("nf4-dq" if said.get("bnb_4bit_use_double_quant") else "nf4", names)


def is_bitsandbytes(said: Mapping[str, Any]) -> bool:
    """Whether a quantization_config is of bitsandbytes; older files have no quant_method."""
    method = said.get("quant_method")
    return method == "bitsandbytes" or (
        method is None and bool(said.get("load_in_4bit") or said.get("load_in_8bit"))
    )
