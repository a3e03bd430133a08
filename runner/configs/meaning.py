"""What one key of another tool's config means here: settings, what ftui does anyway, or nothing; by the one table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from runner.configs.script import COMPUTED
from runner.configs.values import setting_value
from runner.preset import document
from runner.preset.errors import nearest
from runner.preset.other_tools.answers import answer, as_written, keys, text_of
from runner.preset.other_tools.conversion import SAME, NoCounterpartError
from runner.preset.other_tools.said import Kind, Said
from runner.preset.other_tools.tool import Tool
from runner.preset.schema import section_type
from runner.preset.unknown_keys import section_of

# 'lora.use_peft: true and load_in_4bit: false': the section stands where it changes.
_WRITTEN = re.compile(r"(?:([a-z]+)\.)?([a-z0-9_]+): (\[[^\]]*\]|[^\s,()]+)")


class Fate(StrEnum):
    """What becomes of a key."""

    UNDERSTOOD = "understood"
    BY_ITSELF = "done by ftui itself"
    UNSET = "left empty"
    NO_COUNTERPART = "without counterpart"
    CODE = "names code"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Meaning:
    """`settings` are values of ours by 'section.key'. `ours` is the setting that is meant where the value has to be
    looked at elsewhere: sources of rows, or a value that has no counterpart.
    """

    fate: Fate
    settings: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""
    ours: str = ""


def meaning(tool: Tool, section: str, key: str, value: Any, theirs: str = "") -> Meaning:
    """What `key` means with this value; `section` is the one of ours that it is looked for in first, '' for none, and
    `theirs` the one of the file that it stands in.
    """
    said = own_said(tool, theirs, key, value) or _said(section, key, value)
    if said is None:
        return Meaning(Fate.UNKNOWN, words=f"No known key.{nearest(as_written(key), _names())}")
    if said.names_code:
        return Meaning(Fate.CODE, words=f"Nothing is run from a config. {said.words}")
    if said.kind is Kind.BY_ITSELF:
        return Meaning(Fate.BY_ITSELF, words=said.words)
    if said.kind is Kind.UNSUPPORTED and value is None:
        return Meaning(Fate.UNSET, words="It is empty, so nothing is lost.")
    if said.kind is Kind.UNSUPPORTED:
        return Meaning(Fate.NO_COUNTERPART, words=said.words)
    if value is COMPUTED:
        what = f"Its value is computed when the script runs; set {said.ours.split(':')[0]} yourself."
        return Meaning(Fate.NO_COUNTERPART, words=what, ours=said.ours.split(":")[0])
    if ":" in said.ours:
        return Meaning(Fate.UNDERSTOOD, dict(_written(said.ours)), said.words)
    if value is None:
        return Meaning(Fate.UNSET, words="Its default holds.", ours=said.ours)
    if "." not in said.ours:
        return Meaning(Fate.NO_COUNTERPART, words=f"It is the section {said.ours} here. {said.words}")
    return _converted(said, value)


def own_said(tool: Tool, section: str, key: str, value: Any) -> Said | None:
    """What is said of a key that means something of its own in this tool."""
    plain = as_written(key)
    for name in (f"{section}.{plain}", plain):
        for names, answers in tool.own_values.items():
            if name in names.split() and (said := answers.get(text_of(value))) is not None:
                return said
        for names, said in tool.own.items():
            if name in names.split():
                return said
    return None


def _said(section: str, key: str, value: Any) -> Said | None:
    """What the table says; of a key under a name of ours, that it is called so."""
    plain = as_written(key)
    if section and plain in section_type(section).model_fields:
        return Said(Kind.CALLED, f"{section}.{plain}", "", "")
    if (said := answer(section, key, value)) is not None:
        return said
    home = section_of(plain)
    return Said(Kind.CALLED, f"{home}.{plain}", "", "", SAME) if home else None


def _written(settings: str) -> list[tuple[str, Any]]:
    found, section = [], ""
    for named, key, value in _WRITTEN.findall(settings):
        section = named or section
        found.append((f"{section}.{key}", document.plain(document.load(value))))
    return found


def _converted(said: Said, value: Any) -> Meaning:
    if said.ours.startswith("data.") and said.ours in ("data.train_dataset", "data.eval_dataset"):
        return Meaning(Fate.UNDERSTOOD, ours=said.ours)
    try:
        taken, words = setting_value(said.ours, said.by.reads(value))
    except NoCounterpartError as error:
        return Meaning(Fate.NO_COUNTERPART, words=str(error), ours=said.ours)
    return Meaning(Fate.UNDERSTOOD, {said.ours: taken}, words)


def _names() -> list[str]:
    return [name for name in keys() if "." not in name]
