"""A config file of another tool: its keys and values as they stand there, with the line of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner import safe_open
from runner.configs.script import ScriptCall, calls_of
from runner.preset import document
from runner.preset.errors import PresetError, Problem
from runner.preset.section import KeyPath

MOST_BYTES = 4 * safe_open.MIB
_A_CONFIG = "is no config: a mapping of keys is expected.\nName the file that the other tool is started with."


@dataclass(frozen=True)
class ConfigFile:
    """A mapping (`tree`, the line of each key in `lines`, from 1), or the calls of a script."""

    path: Path
    tree: Mapping[str, Any]
    lines: Mapping[KeyPath, int]
    calls: tuple[ScriptCall, ...] = ()

    @property
    def is_script(self) -> bool:
        return self.path.suffix == ".py"


def read(path: Path) -> ConfigFile:
    """Read a .yaml, .yml, .json or .py file. Raises PresetError."""
    text = _text(path)
    if path.suffix == ".py":
        return ConfigFile(path, {}, {}, calls_of(text, path))
    if path.suffix == ".json":
        # JSON may be indented by tabs, which YAML refuses; inside its texts none can stand.
        text = text.replace("\t", " ")
    tree = document.parse_text(text, str(path), _A_CONFIG)
    return ConfigFile(path, document.plain(tree), {key: line + 1 for key, line in document.lines(tree)})


def _text(path: Path) -> str:
    try:
        data = safe_open.read_bytes(path, MOST_BYTES)
    except OSError as error:
        what = f"cannot be read: {error.strerror}.\nName a .yaml, .json or .py file."
        raise PresetError([Problem(str(path), "", what)]) from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PresetError(
            [Problem(str(path), "", "is no UTF-8 text.\nName a .yaml, .json or .py file.")]
        ) from None
