"""A line of the examination."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """How a finding bears on a run. BAD: it would fail, or not do what its preset says."""

    OK = "ok"
    NOTE = "note"
    BAD = "bad"


@dataclass(frozen=True)
class Check:
    """What was looked at and found; `hint` says what to do about it, `command` is to be copied as it is. Healthy checks
    of one `group` share a line.
    """

    name: str
    health: Health
    value: str
    hint: str = ""
    command: str = ""
    group: str = ""
