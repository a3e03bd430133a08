"""What a lint rule is, and what it looks at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from runner.insight.batch import BatchPlan
from runner.insight.data import DataReport
from runner.insight.disk import DiskNeed
from runner.insight.eval_budget import EvalPlan, counted, plan_evaluations
from runner.insight.memory.architecture import Architecture
from runner.insight.memory.cards import Card
from runner.insight.memory.predict import Prediction
from runner.insight.memory.savings import Changes
from runner.insight.trainable import Untrainable
from runner.preset.data_sources import EVAL, holds_out_own_rows, source_named
from runner.preset.schema import Preset


class LintSeverity(IntEnum):
    """NOTE: worth knowing. WARNING: likely a mistake. ERROR: the launch is refused."""

    NOTE = 0
    WARNING = 1
    ERROR = 2


@dataclass(frozen=True)
class LintFacts:
    """Everything a rule may look at; what is not known is None, and rules about it say nothing.

    `written` are the keys the preset's own files set ('train.max_steps'). `installed` maps a package to its version,
    None for one that is missing; a package that is not in it was not looked for. `free_disk` is in bytes, where runs
    are written. `untrainable` is what speaks against the model's repository.
    """

    preset: Preset
    written: frozenset[str] = frozenset()
    plan: BatchPlan | None = None
    data: DataReport | None = None
    card: Card | None = None
    architecture: Architecture | None = None
    prediction: Prediction | None = None
    installed: Mapping[str, str | None] = field(default_factory=dict)
    disk: DiskNeed | None = None
    free_disk: int | None = None
    untrainable: Untrainable | None = None

    @property
    def evaluates(self) -> bool:
        """Whether there will be held-out rows."""
        data = self.preset.data
        return source_named(data, EVAL) is not None or holds_out_own_rows(data)

    @property
    def evaluations(self) -> EvalPlan | None:
        """When and on how many rows the trainer will evaluate."""
        if self.plan is None:
            return None
        return plan_evaluations(self.preset, self.plan, counted(self.preset, self.data, self.plan))

    @property
    def train_samples(self) -> int | None:
        return self.data.train_samples if self.data is not None and not self.data.problem else None

    def lacks(self, package: str) -> bool:
        """Whether a package is known to be missing."""
        return package in self.installed and self.installed[package] is None


@dataclass(frozen=True)
class Complaint:
    """What a rule found: the preset key it is about, what is wrong, and the changes that mend it (none: by hand)."""

    key: str
    what: str
    fix: Changes = ()
    fix_words: str = ""


@dataclass(frozen=True)
class Rule:
    """One rule with a stable id; `why` is the same for every complaint."""

    id: str
    severity: LintSeverity
    why: str
    check: Callable[[LintFacts], Complaint | None]


@dataclass(frozen=True)
class LintFinding:
    """A complaint with its rule."""

    id: str
    severity: LintSeverity
    key: str
    what: str
    why: str
    fix: Changes = ()
    fix_words: str = ""

    @property
    def is_danger(self) -> bool:
        """Whether it is no slip but a danger to this machine: shown in red."""
        return self.id == "remote-code"

    @property
    def fix_text(self) -> str:
        """The fix in words: 'train.num_train_epochs: 3'; empty when there is none."""
        if self.fix_words:
            return self.fix_words
        return ", ".join(f"{key}: {plain(value)}" for key, value in self.fix)


def plain(value: object) -> str:
    """A value as it stands in YAML."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else "null" if value is None else str(value)


class Rules:
    """A list of rules, filled by its decorator."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def rule(self, id_: str, severity: LintSeverity, why: str) -> Callable[[Check], Check]:
        """Make a rule of a function from LintFacts to a Complaint or None."""

        def register(check: Check) -> Check:
            self.rules.append(Rule(id_, severity, why, check))
            return check

        return register


Check = Callable[[LintFacts], Complaint | None]
