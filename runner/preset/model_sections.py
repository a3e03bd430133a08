"""Sections that say which weights are trained: the base model, how it is quantised, and the adapter."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from runner.preset.section import LocalFile, LocalOrHub, Section


class ModelSection(Section):
    """The base model."""

    model_name_or_path: LocalOrHub
    """The model to start from: a hub name (Qwen/Qwen3-8B) or a local directory (starts with ./ ../ / or ~)."""

    revision: str = "main"
    """Branch, tag or commit of the hub repository. Name a commit to make a run repeatable."""

    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Number format of weights that are not quantised, and of the computation. auto: bfloat16 on NVIDIA GPUs
    since Ampere (compute capability 8.0), float16 on older ones, float32 on the CPU."""

    attn_implementation: Literal["sdpa", "flash_attention_2", "eager"] = "sdpa"
    """Attention kernel. sdpa is fast and always there; flash_attention_2 needs its own package."""

    trust_remote_code: bool = False
    """Run Python code that comes with the model. Leave off unless you have read that code."""

    chat_template_path: LocalFile | None = None
    """A .jinja file to use instead of the tokenizer's own chat template."""


class QuantizationSection(Section):
    """How the frozen base weights are stored (bitsandbytes)."""

    load_in_4bit: bool = True
    """Store the linear layers in 4 bits: QLoRA. About 0.52 bytes a parameter with double quantisation. A repository
    that is stored in 4 or 8 bits already is loaded as it is."""

    load_in_8bit: bool = False
    """Store the linear layers in 8 bits (LLM.int8): about 1 byte a parameter."""

    bnb_4bit_quant_type: Literal["nf4", "fp4"] = "nf4"
    """4-bit number format. nf4 fits normally distributed weights and is the one the QLoRA paper recommends."""

    bnb_4bit_use_double_quant: bool = True
    """Quantise the scales too: saves about 0.05 bytes a parameter, costs nothing measurable."""

    @model_validator(mode="after")
    def _one_width(self) -> QuantizationSection:
        if self.load_in_4bit and self.load_in_8bit:
            raise ValueError("load_in_4bit and load_in_8bit are both true; set one of them to false")
        return self


class LoraSection(Section):
    """The low-rank adapter (PEFT)."""

    use_peft: bool = True
    """Train a LoRA adapter. false trains every weight of the model (full fine-tuning)."""

    r: int = Field(default=16, ge=1, le=1024)
    """Rank of the adapter. 8 to 32 suits most tasks; more rank is more capacity, also to memorise."""

    lora_alpha: int = Field(default=32, ge=1, le=4096)
    """Scale of the adapter; the update is multiplied by alpha / r. Usually r or 2r."""

    lora_dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Share of adapter inputs set to zero while training. 0 is fastest; 0.05 to 0.1 helps on small data."""

    target_modules: Literal["all-linear"] | list[str] = "all-linear"
    """Layers that get an adapter: all-linear (every linear layer but the output head) or a list of names. Vision towers
    and the experts of a mixture get none."""

    bias: Literal["none", "all", "lora_only"] = "none"
    """Which bias terms are trained as well."""

    use_rslora: bool = False
    """Scale by alpha / sqrt(r) instead of alpha / r, which keeps high ranks stable."""

    use_dora: bool = False
    """Weight-decomposed LoRA: a little better at low rank, noticeably slower."""

    modules_to_save: list[str] = Field(default_factory=list)
    """Layers trained and saved whole, for example embed_tokens after adding tokens. Costs a lot of memory."""
