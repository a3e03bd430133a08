"""The JSON Schema of preset files, for editors that complete and check YAML."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from runner import atomic_write, safe_open
from runner.preset.schema import Preset

FILE_NAME = "preset.schema.json"


def write_schema(folder: Path) -> None:
    """Put the schema beside the presets of a folder: their first line points to it. Raises OSError."""
    text = json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"
    path = folder / FILE_NAME
    if safe_open.content(path) == text.encode("utf-8"):
        return
    atomic_write.replace_file(path, text.encode("utf-8"), 0o644)


def json_schema() -> dict[str, Any]:
    """The schema of a preset file. Nothing is required in it, because a file may extend another."""
    schema = Preset.model_json_schema()
    _nothing_required(schema)
    schema["properties"] = {
        "extends": {
            "title": "Extends",
            "type": "string",
            "description": "The preset this one is built on: a name, or a path that ends in .yaml.",
        },
        **schema["properties"],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ftui preset",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def _nothing_required(node: Any) -> None:
    if isinstance(node, dict):
        for name, value in node.items():
            if name != "MixSource":
                _nothing_required(value)
        if "properties" in node:
            node.pop("required", None)
    elif isinstance(node, list):
        for value in node:
            _nothing_required(value)
