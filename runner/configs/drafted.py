"""The preset that a config of another tool makes, not saved yet."""

from __future__ import annotations

import re
from pathlib import Path

from runner.configs.proposal import Proposal
from runner.preset import document, files
from runner.preset.draft import SCHEMA_LINE, Draft
from runner.preset.errors import PresetError, Problem

_NO_NAME = re.compile(r"[^A-Za-z0-9._-]+")


def draft_of(proposal: Proposal, home: Path, name: str | None) -> Draft:
    """A new preset of this name, or of that of the config. Raises PresetError where the name cannot be taken."""
    if name is None:
        stem = _NO_NAME.sub("-", proposal.config.stem).strip("-._") or "imported"
        name = files.free_name(home, stem)
    elif not files.is_name(name):
        what = "a name has letters, digits, dots, dashes and underscores, and no .yaml at its end"
        raise PresetError([Problem("--name", name, what)])
    elif any(preset.name == name for preset in files.list_presets(home)):
        what = "there is a preset of this name.\nGive another, or none: then one is found."
        raise PresetError([Problem("--name", name, what)])
    # On one line, whatever the name of the file has in it.
    source = " ".join(proposal.config.name.split())
    comment = f"# Read from {source}, {proposal.recognised.tool.title}.\n"
    text = document.text_of(document.quoted(proposal.values)) if proposal.values else "{}\n"
    return Draft(document.parse_text(SCHEMA_LINE + comment + text, name), home, None, name)


def refuse_unfinished(proposal: Proposal) -> None:
    """Raises PresetError for a config without a model or without rows, which no preset can do without."""
    for name, what in (("model.model_name_or_path", "no model"), ("data.train_dataset", "no training rows")):
        if name not in proposal.settings:
            told = f"names {what} that could be read.\nSay it yourself: --set {name}=…"
            raise PresetError([Problem(str(proposal.config), "", told)])
