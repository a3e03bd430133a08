"""What a detector found, with the numbers it found it by and what can be done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from runner.insight.curves import EvalPoint


class Severity(IntEnum):
    """How much a finding matters."""

    INFO = 1
    WARNING = 2
    CRITICAL = 3
    ERROR = 4


class FindingKind(StrEnum):
    """How a setting is changed."""

    SET = "set"
    TIMES = "times"
    AT_LEAST = "at least"
    AT_MOST = "at most"


@dataclass(frozen=True)
class Change:
    """One setting of the next run, relative to its value in this one: 'train.learning_rate', times, 1/3."""

    key: str
    kind: FindingKind
    value: float | int | bool | str

    def of(self, now: Any) -> Any:
        """The new value of a setting that is `now`; rounded to three figures; where `now` is whole, whole and at
        least 1.
        """
        if self.kind is FindingKind.SET or isinstance(self.value, bool | str):
            return self.value
        if isinstance(now, bool) or not isinstance(now, int | float):
            # Nothing to multiply or to compare: 'auto', or not set.
            return self.value if self.kind is not FindingKind.TIMES else now
        new = {
            FindingKind.TIMES: now * self.value,
            FindingKind.AT_LEAST: max(now, self.value),
            FindingKind.AT_MOST: min(now, self.value),
        }[self.kind]
        return max(1, round(new)) if isinstance(now, int) else float(f"{new:.3g}")


@dataclass(frozen=True)
class Action:
    """Something to do: in words, and as changes of the next preset where settings can do it."""

    text: str
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One thing seen in the curves.

    `since_step` is where it began. `evidence` holds the numbers it rests on (losses in nats a token), `evals` the
    evaluations, `steps` the optimizer steps to look at. `sentence` says it to a person; `actions` say what to do, most
    useful first. `keep_step` is the checkpoint to keep, if there is one. `eval_set` names the evaluated set it is
    about, where that is not the main one or there are several.
    """

    id: str
    name: str
    severity: Severity
    since_step: int
    sentence: str
    actions: tuple[Action, ...] = ()
    evidence: Mapping[str, float] = field(default_factory=dict)
    keep_step: int | None = None
    evals: tuple[EvalPoint, ...] = ()
    steps: tuple[int, ...] = ()
    eval_set: str = ""

    @property
    def reason(self) -> str:
        """'overfitting since step 300', as it is recorded in the preset that follows from it."""
        return f"{self.name} since step {self.since_step}"

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every change its actions ask for, of each setting the first."""
        return tuple(
            {c.key: c for action in reversed(self.actions) for c in reversed(action.changes)}.values()
        )


LOWER_RATE = Change("train.learning_rate", FindingKind.TIMES, 1 / 3)
HALF_RATE = Change("train.learning_rate", FindingKind.TIMES, 0.5)
HIGHER_RATE = Change("train.learning_rate", FindingKind.TIMES, 3)
MORE_DROPOUT = Change("lora.lora_dropout", FindingKind.AT_LEAST, 0.1)
LONGER_WARMUP = Change("train.warmup_steps", FindingKind.TIMES, 2)
TWICE_THE_BATCH = Change("train.gradient_accumulation_steps", FindingKind.TIMES, 2)
