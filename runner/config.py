"""$FTUI_HOME/config.yaml: what is a person's and not a run's. Presets are passed around; a command to run on an alert
must never come from one.

    alerts:
      on: [warning, finished, failed, stalled]
      bell: true
      webhook: https://chat.example.org/hooks/abc
      command: [notify-send, ftui]
    warm_start: true
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml.error import YAMLError

from runner import safe_open
from runner.preset import document
from runner.preset.errors import PresetError

Occasion = Literal["warning", "finished", "failed", "stalled"]
OCCASIONS: tuple[Occasion, ...] = ("warning", "finished", "failed", "stalled")


class ConfigError(Exception):
    """The file cannot be used; the message says where and what to do."""


class AlertSettings(BaseModel):
    """Who is told what. `webhook` gets the alert as JSON by POST; `command` is started with it on its standard input
    and the title as its last argument.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    on: tuple[Occasion, ...] = OCCASIONS
    bell: bool = True
    webhook: str = Field(default="", pattern=r"^(https?://.+)?$")
    command: tuple[str, ...] = ()


class Config(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    alerts: AlertSettings = AlertSettings()
    # Half a gigabyte of memory while a preset is edited, for a launch without seconds of imports (docs/warm-start.md).
    warm_start: bool = True


def config_path(home: Path) -> Path:
    return home / "config.yaml"


def load_config(home: Path) -> Config:
    """The settings, or the defaults when there is no file. Raises ConfigError."""
    path = config_path(home)
    if not path.exists():
        return Config()
    try:
        return Config.model_validate(_values(path))
    except PresetError as error:
        problem = error.problems[0]
        raise ConfigError(f"{problem.where}: {problem.what}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{path}: {where}: {first['msg']}. `ftui doctor` checks it again.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _values(path: Path) -> dict[str, Any]:
    """What the file holds; nothing when every line of it is a comment."""
    text = safe_open.read_text(path, document.MOST_BYTES)
    try:
        values = document.plain(document.load(text))
    except (YAMLError, ValueError):
        # Its error has the line.
        values = document.plain(document.parse_text(text, str(path)))
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: it must be a mapping of sections: alerts.")
    return values
