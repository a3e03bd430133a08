"""What is said of one key of a config, or of a default of its tool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.configs.meaning import Fate, Meaning
from runner.preset.fields import to_text
from runner.redaction.blotting import redacted
from runner.redaction.environment import is_secret

MOST_SHOWN = 60


@dataclass(frozen=True)
class Line:
    """`number` is the line in the file, 0 for a default that is not there; `key` is 'datasets.1.path' for one
    inside.
    """

    number: int
    key: str
    value: Any
    fate: Fate
    settings: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""

    @classmethod
    def of(cls, number: int, key: str, value: Any, what: Meaning) -> Line:
        return cls(number, key, value, what.fate, what.settings, what.words)

    @property
    def is_in_file(self) -> bool:
        return self.number > 0

    @property
    def shown(self) -> str:
        """The value in short; those of keys that hold secrets are not told."""
        if isinstance(self.value, str) and is_secret(self.key.rpartition(".")[2].upper(), self.value):
            return "(not shown)"
        text = " ".join(redacted(to_text(self.value) if self.value is not None else "null").split())
        return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 1]}…"

    @property
    def becomes(self) -> str:
        """'train.learning_rate: 2e-4', or what there is to be said."""
        settings = ", ".join(f"{name}: {_short(value)}" for name, value in self.settings.items())
        return "; ".join(part for part in (settings, self.words) if part)


def _short(value: Any) -> str:
    text = " ".join(redacted(to_text(value) or "null").split())
    return text if len(text) <= 2 * MOST_SHOWN else f"{text[: 2 * MOST_SHOWN - 1]}…"
