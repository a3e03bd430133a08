"""A row as it stands in its file, before its shape is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

RawRow = Mapping[str, Any]


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be used: its 1-based number, the line of the file it stands on (None: not by lines), why, and
    what the line says. `is_left_out`: a setting or its author leaves it out; it is no mistake.
    """

    number: int
    reason: str
    line: int | None = None
    text: str = ""
    is_left_out: bool = False
