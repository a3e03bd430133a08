"""YAML as other tools read it, by PyYAML: 1.1, where `no` is false, `2e-5` a text and `1:30` a number of minutes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from runner.preset import document

_PLAIN = re.compile(r"[A-Za-z_./~][\w./~ -]*")
_NO_TEXT = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", ".", ".nan", ".inf"])
_NUMBER = re.compile(r"(?<=[ \[])(-?\d+)e([-+]\d+)(?=[\],\n])")


def text_of(values: Mapping[str, Any]) -> str:
    """A mapping as YAML 1.1 and 1.2 read it alike."""
    return _NUMBER.sub(r"\1.0e\2", document.text_of(CommentedMap(_quoted(values))))


def _quoted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return CommentedMap({key: _quoted(item) for key, item in value.items()})
    if isinstance(value, list):
        return [_quoted(item) for item in value]
    if isinstance(value, str) and (
        value.lower() in _NO_TEXT or not _PLAIN.fullmatch(value) or value != value.strip()
    ):
        return DoubleQuotedScalarString(value)
    return value
