"""What a detector found, with the numbers it found it by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum


class Severity(IntEnum):
    """How much a finding matters."""

    INFO = 1
    WARNING = 2
    CRITICAL = 3
    ERROR = 4


@dataclass(frozen=True)
class Finding:
    """One thing seen in the curves.

    `since_step` is where it began. `evidence` holds the numbers it rests on (losses in nats a token). `sentence` says
    it to a person; `actions` say what to do, most useful first. `keep_step` is the checkpoint to keep, if there is one.
    """

    id: str
    name: str
    severity: Severity
    since_step: int
    sentence: str
    actions: tuple[str, ...] = ()
    evidence: Mapping[str, float] = field(default_factory=dict)
    keep_step: int | None = None
