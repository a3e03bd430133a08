"""The chat templates of real models, each with a tokenizer that has its control tokens."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import trl
from transformers import PreTrainedTokenizerFast

from runner.preset.files import shipped_folder

OF_TRL = Path(trl.__file__).parent / "chat_templates"
OWN = Path(__file__).parents[1] / "data" / "templates"
# What a model stops at, where that is not the demo's own token.
EOS = {"llama3_1": "<|eot_id|>", "gemma3": "<end_of_turn>", "phi3": "<|endoftext|>", "gptoss": "<|return|>"}
EOS |= {"deepseek_r1_distill": "<｜end▁of▁sentence｜>", "mistral-v3": "</s>"}
CONTROL = re.compile(r"<\|[a-z_]+\|>|<｜[^｜]+｜>|<start_of_turn>|<end_of_turn>|\[/?[A-Z_]{4,}\]|</s>")
NAMES = (
    "qwen3",
    "qwen3_5_think",
    "qwen3_5_nothink",
    "llama3_1",
    "mistral-v3",
    "gemma3",
    "phi3",
    "gptoss",
    "deepseek_r1_distill",
)


def tokenizer_of(name: str) -> Any:
    """The demo's tokenizer with one of these templates and its control tokens."""
    path = OWN / f"{name}.jinja" if name == "mistral-v3" else OF_TRL / f"{name}.jinja"
    template = path.read_text(encoding="utf-8")
    made = PreTrainedTokenizerFast.from_pretrained(shipped_folder() / "demo" / "model")
    tokens = sorted({*CONTROL.findall(template), EOS.get(name, "<|im_end|>")})
    made.add_special_tokens({"additional_special_tokens": tokens})
    made.eos_token = EOS.get(name, "<|im_end|>")
    made.bos_token = "<s>"
    made.chat_template = template
    return made
