"""The figures of a config.json, and those it leaves out because its family's default is meant."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from runner.insight.memory.architecture import NotCoveredError

# Beyond any model: a figure above it is a slip, and lists as long as it would take memory.
MOST_LAYERS = 2000


@cache
def defaults() -> dict[str, dict[str, Any]]:
    """The defaults of transformers' config classes by model_type, as `python -m tests.make_defaults` wrote them."""
    text = Path(__file__).with_name("defaults.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = json.loads(text)
    return found


class Figures:
    """One part of a config.json (the text part, the vision part) over the defaults of its family."""

    def __init__(self, config: Mapping[str, Any], model_type: str) -> None:
        self.model_type = model_type
        self.values = {**defaults().get(model_type, {}), **config}

    def get(self, key: str) -> Any:
        """The value as it stands there; None for none."""
        return self.values.get(key)

    def count(self, key: str) -> int:
        """A whole number of at least 1. Raises NotCoveredError."""
        return self.number(key, 1)

    def number(self, key: str, least: int = 0) -> int:
        """A whole number of at least `least`. Raises NotCoveredError."""
        value = self.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise NotCoveredError(f"its config.json says {key}: {value!r}")
        return value

    def optional(self, key: str) -> int | None:
        """A whole number of at least 1, or None when there is none. Raises NotCoveredError for anything else."""
        return None if self.get(key) is None else self.count(key)

    def flag(self, key: str) -> bool:
        return bool(self.get(key))

    def layers(self) -> int:
        """num_hidden_layers. Raises NotCoveredError."""
        found = self.count("num_hidden_layers")
        if found > MOST_LAYERS:
            raise NotCoveredError(f"its config.json says num_hidden_layers: {found}")
        return found

    def kinds(self, otherwise: list[str]) -> list[str]:
        """layer_types, one word a layer; `otherwise` where it is not given. Raises NotCoveredError."""
        found = self.get("layer_types")
        if found is None:
            return otherwise
        if not isinstance(found, list) or len(found) != len(otherwise):
            raise NotCoveredError("its config.json says layer_types that are not one a layer")
        return [str(kind) for kind in found]

    def indices(self, key: str) -> list[int]:
        """A list of layers' numbers; empty when there is none. Raises NotCoveredError."""
        found = self.get(key)
        if found is None:
            return []
        if not isinstance(found, list) or not all(type(index) is int for index in found):
            raise NotCoveredError(f"its config.json says {key}: {str(found)[:40]}")
        return found
