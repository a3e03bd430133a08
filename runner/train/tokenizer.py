"""The tokenizer of a preset. Apart from the model, because looking at data needs no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from runner.data.errors import TrainingError
from runner.preset.schema import Preset


def load_tokenizer(preset: Preset) -> Any:
    """The tokenizer, with the preset's chat template and a pad token. Raises TrainingError."""
    model = preset.model
    _require_directory(model.model_name_or_path)
    tokenizer = AutoTokenizer.from_pretrained(
        model.model_name_or_path, revision=model.revision, trust_remote_code=model.trust_remote_code
    )
    if model.chat_template_path is not None:
        try:
            tokenizer.chat_template = Path(model.chat_template_path).read_text(encoding="utf-8")
        except OSError as error:
            raise TrainingError(
                f"The chat template {model.chat_template_path} cannot be read: {error.strerror}.",
                "Check model.chat_template_path in the preset.",
            ) from None
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def _require_directory(name: str) -> None:
    if name.startswith("/") and not (Path(name) / "config.json").exists():
        raise TrainingError(
            f"{name} is no model directory: it has no config.json.",
            "Check model.model_name_or_path in the preset.",
        )
