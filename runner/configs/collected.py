"""The settings that the keys of one config add up to: where two keys set the same one, which of them holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from runner.configs.line import Line
from runner.configs.meaning import Fate
from runner.configs.places import placed

_PATHS = ("model.model_name_or_path", "model.chat_template_path")
REMOTE_CODE = "Code that comes with the model would run on this machine: read it first"


class Collected:
    """Lines in the order of the file, and what they set. A key that says one thing holds before one that says several
    (`adapter: qlora`), and one that is on before one that is off.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.lines: list[Line] = []
        self.settings: dict[str, Any] = {}
        self._strength: dict[str, tuple[bool, bool]] = {}

    def add(self, line: Line) -> None:
        """Take a line, and what it sets as far as that holds."""
        taken: dict[str, Any] = {}
        words = [line.words]
        for name, given in line.settings.items():
            value = self._value(name, given)
            strength = (len(line.settings) == 1 or name.startswith("data."), bool(line.value))
            before = self._strength.get(name)
            if before is not None and before > strength and self.settings[name] != value:
                words.append(f"{name} is set by another key already")
                continue
            if name == "model.trust_remote_code" and value is True:
                words.append(REMOTE_CODE)
            self.settings[name], self._strength[name] = value, strength
            taken[name] = value
        fate = Fate.NO_COUNTERPART if line.settings and not taken else line.fate
        self.lines.append(
            replace(line, settings=taken, fate=fate, words="; ".join(part for part in words if part))
        )

    def forget(self, names: Iterable[str]) -> None:
        """Drop what was set, since a later call says it anew."""
        for name in names:
            self.settings.pop(name, None)
            self._strength.pop(name, None)

    def _value(self, name: str, value: Any) -> Any:
        if name == "report.report_to":
            # `use_wandb` and `use_tensorboard` name one each.
            return list(dict.fromkeys([*self.settings.get(name, []), *value]))
        return placed(value, self._folder) if name in _PATHS and isinstance(value, str) else value
