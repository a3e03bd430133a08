"""`python -m tests.make_defaults`: write runner/insight/memory/defaults.json again from the installed transformers.

The file holds, for each family that memory is predicted for, what its config class takes where a config.json says
nothing: without them half of the published files could not be read.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from runner.insight.memory.reading import READERS
from runner.insight.memory.towers import VISION

FILE = Path(__file__).parents[1] / "runner/insight/memory/defaults.json"


def keys() -> set[str]:
    """Every word in quotes in the modules that read a config.json: the figures they ask for are among them."""
    words: set[str] = set()
    for path in FILE.parent.glob("*.py"):
        words |= set(re.findall(r'"([A-Za-z_0-9]+)"', path.read_text(encoding="utf-8")))
    return words - {"model_type", "layer_types"}


def families() -> list[str]:
    """Every model_type whose defaults are read."""
    vision = {family.vision for family in VISION.values() if family.tower is not None}
    return sorted({*READERS, *VISION, *vision, "gemma4_audio"})


def defaults_of(model_type: str) -> dict[str, Any]:
    """A config class's own values, as its fields declare them: what __post_init__ makes of them depends on the other
    figures.
    """
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    kind, asked = CONFIG_MAPPING[model_type], keys()
    names = {name for base in kind.__mro__ for name in getattr(base, "__annotations__", {})} & asked
    found: dict[str, Any] = {}
    for name in sorted(names):
        value = getattr(kind, name, None)
        value = list(value) if isinstance(value, tuple) else value
        if isinstance(value, int | float | str | bool | list):
            found[name] = value
    return found


def text() -> str:
    """The file's content: one family a line."""
    lines = [f"{json.dumps(name)}: {json.dumps(defaults_of(name))}" for name in families()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
