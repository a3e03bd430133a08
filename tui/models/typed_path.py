"""Paths as they are typed: what is asked about them, and how they are kept. No textual here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from runner import places


class Wanted(StrEnum):
    """What a path is to lead to: a file, rows in a file or on the hub, a model in a folder or on the hub."""

    FILE = "file"
    DATA = "data"
    MODEL = "model"


@dataclass(frozen=True)
class PathQuestion:
    """What begins with this text? `completes`: the text is to be completed, and its answer is waited for."""

    text: str
    wanted: Wanted
    completes: bool = False


@dataclass(frozen=True)
class PathEntry:
    """What a text can become: a folder ends with a slash; `is_data` for what is named like a file of rows."""

    text: str
    is_folder: bool = False
    is_data: bool = False
    bytes: int = 0
    modified: float = 0.0


def standing() -> Path:
    """The folder one stands in; the user's own where that is gone."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return places.expanded("~")


def kept(text: str, takes_hub: bool) -> str:
    """A path that was typed, as it is kept in a preset: absolute, because a preset reads relative ones against its own
    folder. A name on the hub, a list of sources and nothing stay.
    """
    from runner.preset.files import absolute
    from runner.preset.section import LOCAL_FILE, LOCAL_OR_HUB

    text = text.strip()
    if not text or text.startswith("["):
        return text
    return absolute(text, standing(), LOCAL_OR_HUB if takes_hub else LOCAL_FILE)
