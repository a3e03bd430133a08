"""A value of another tool as a setting of ours takes it."""

from __future__ import annotations

import re
from typing import Any

from runner.preset import document
from runner.preset.errors import PresetError
from runner.preset.fields import Field, FieldKind, field_named
from runner.preset.other_tools.answers import text_of
from runner.preset.other_tools.conversion import NoCounterpartError
from runner.preset.other_tools.values import INSTEAD, LISTS, SHARES
from runner.preset.validate import validate

# What stands first in the words of INSTEAD where it is a value: 'adamw_8bit, the nearest', '[], which is no tracker'.
_VALUE = re.compile(r"(\[[^\]]*\]|[A-Za-z0-9_.-]+)(?:, (.*)|)$")
# PEFT takes a text for a regular expression; names of layers have none of these.
_PATTERN = re.compile(r"[][\\()|*+?^${}]")
# PyYAML, which other tools read with, takes these for booleans.
_SWITCH = {"yes": True, "on": True, "true": True, "no": False, "off": False, "false": False}


def setting_value(name: str, value: Any) -> tuple[Any, str]:
    """The value that setting `name` gets, and what is to be said of it, '' mostly. Raises NoCounterpartError."""
    field = field_named(name)
    taken, words = _instead(name, value)
    if name == "lora.target_modules" and isinstance(taken, str) and _PATTERN.search(taken):
        raise NoCounterpartError("It is a pattern; lora.target_modules takes the names of layers.")
    if name in LISTS and isinstance(taken, str) and taken not in field.words:
        taken = [part.strip() for part in taken.split(",") if part.strip()]
    if name in SHARES and isinstance(taken, float) and 0 < taken < 1:
        if "auto" not in field.words:
            raise NoCounterpartError(f"{name} counts steps; shares of a run are not counted.")
        taken, words = "auto", "a share of all steps is not counted; auto spreads them over the run"
    taken = _of_kind(field, taken)
    if problem := _problem(name, taken):
        raise NoCounterpartError(f"{name}: {problem}")
    return taken, words


def _instead(name: str, value: Any) -> tuple[Any, str]:
    text = text_of(value)
    for values, ours in INSTEAD.get(name, {}).items():
        if text in values.split() and (found := _VALUE.fullmatch(ours)):
            return document.plain(document.load(found[1])), found[2] or ""
    return value, ""


def _of_kind(field: Field, value: Any) -> Any:
    """Numbers and switches that are written as text, and whole numbers as 3.0."""
    if field.kind is FieldKind.SWITCH and isinstance(value, str):
        return _SWITCH.get(value.strip().lower(), value)
    if field.kind in (FieldKind.INTEGER, FieldKind.NUMBER):
        if isinstance(value, str) and value not in field.words:
            value = _number(value)
        if isinstance(value, float) and field.kind is FieldKind.INTEGER and value.is_integer():
            return int(value)
        if isinstance(value, int) and not isinstance(value, bool) and field.kind is FieldKind.NUMBER:
            return float(value)
    return value


def _number(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def _problem(name: str, value: Any) -> str:
    """What is wrong with a setting by itself; '' for nothing."""
    section, _, key = name.partition(".")
    values: dict[str, Any] = {"model": {"model_name_or_path": "x"}, "data": {"train_dataset": "x"}}
    values[section] = {**values.get(section, {}), key: value}
    try:
        validate(values, {}, "")
    except PresetError as error:
        return next((problem.what for problem in error.problems if problem.key == name), "")
    return ""
