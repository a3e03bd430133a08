"""The tokenizer of a preset. Apart from the model, because looking at data needs no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from runner import safe_open
from runner.data.errors import TrainingError
from runner.machine.model_folder import find_folder, unreadable, unreadable_secret
from runner.preset.schema import Preset

# The longest template known has a fortieth of it.
MOST_TEMPLATE_BYTES = 1 << 20


def load_tokenizer(preset: Preset) -> Any:
    """The tokenizer, with the preset's chat template and a pad token. Raises TrainingError."""
    model = preset.model
    # First: a template that cannot be read needs no tokenizer to be refused.
    template = _template(model.chat_template_path) if model.chat_template_path is not None else None
    _require_readable(model.model_name_or_path, model.revision)
    tokenizer = AutoTokenizer.from_pretrained(
        model.model_name_or_path, revision=model.revision, trust_remote_code=model.trust_remote_code
    )
    if template is not None:
        tokenizer.chat_template = template
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def template_name(preset: Preset) -> str:
    """What the chat template of a preset is called where something is wrong with it."""
    return preset.model.chat_template_path or f"the chat template of {preset.model.model_name_or_path}"


def _template(path: str) -> str:
    try:
        return safe_open.read_text(Path(path), MOST_TEMPLATE_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(
            f"The chat template {path} cannot be read: {getattr(error, 'strerror', None) or error}.",
            "Check model.chat_template_path in the preset.",
        ) from None


def _require_readable(name: str, revision: str) -> None:
    folder = find_folder(name, revision)
    if folder is None and name.startswith("/"):
        problem = f"{name} is no model directory: it has no config.json"
    else:
        problem = unreadable(folder) if folder is not None else ""
    if problem:
        raise TrainingError(f"{problem}.", "Check model.model_name_or_path in the preset.")
    if problem := unreadable_secret():
        what, _, hint = problem.partition(". ")
        raise TrainingError(f"{what}.", f"{hint}.")
