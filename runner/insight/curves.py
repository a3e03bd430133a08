"""The curves of a run as plain numbers: what every judgement starts from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from runner.insight.train_curve import Column, TrainCurve

NOT_HELD_OUT = ("train_probe", "general")


def _empty() -> Column:
    return np.empty(0)


@dataclass(frozen=True)
class EvalPoint:
    """The mean loss of one evaluation: nats a token, over `n` rows."""

    step: int
    loss: float
    n: int = 0
    epoch: float = 0.0


def finite(points: Iterable[EvalPoint]) -> list[EvalPoint]:
    """The evaluations whose loss is a number."""
    return [point for point in points if math.isfinite(point.loss)]


def best_of(points: Iterable[EvalPoint]) -> EvalPoint | None:
    """The evaluation with the least loss, the first of equals; one whose loss is not a number is never the best. None
    when there is no other.
    """
    return min(finite(points), key=lambda point: point.loss, default=None)


def least_loss(points: Iterable[EvalPoint]) -> float:
    """The loss of the best evaluation, in nats a token; NaN when there is none."""
    best = best_of(points)
    return best.loss if best is not None else math.nan


def held_out(evals: Mapping[str, Sequence[EvalPoint]]) -> dict[str, Sequence[EvalPoint]]:
    """The evaluated sets of held-out rows by name, `val` first; empty ones are left out. Where `val` is another set
    under a second name, it is that other one.
    """
    found = {name: points for name, points in evals.items() if points and name not in NOT_HELD_OUT}
    val = found.pop("val", None)
    if val is None or any(points is val for points in found.values()):
        return found
    return {"val": val, **found}


def main_set(evals: Mapping[str, Sequence[EvalPoint]]) -> str:
    """The set a run is judged and listed by: `val`, or the first held-out one where none has that name."""
    return "val" if evals.get("val") else next(iter(held_out(evals)), "val")


@dataclass(frozen=True, eq=False)
class Metric:
    """A named number over steps, both columns of shape (n,), steps rising: what is logged beside a loss."""

    step: Column = field(default_factory=_empty)
    value: Column = field(default_factory=_empty)

    def __len__(self) -> int:
        return len(self.step)

    @property
    def highest(self) -> tuple[int, float] | None:
        """(step, value) of the greatest finite value, the first of equals; None when there is none."""
        known = np.flatnonzero(np.isfinite(self.value))
        if not len(known):
            return None
        at = int(known[np.argmax(self.value[known])])
        return int(self.step[at]), float(self.value[at])


@dataclass(frozen=True)
class AnswerPoint:
    """How a fixed sample of held-out rows was answered at a step, greedily.

    Of `n` answers `exact` were the row's own after normalising, `ended` ended by themselves; `fields` counts the right
    ones by field, for rows whose answers have fields. `rows` says of each row, in order, whether it was exact, and
    `judgeable` counts those of which that says something (runner/insight/answers.py).
    """

    step: int
    n: int
    exact: int
    ended: int = 0
    fields: Mapping[str, int] = field(default_factory=dict)
    rows: tuple[bool, ...] = ()
    judgeable: int = 0


@dataclass(frozen=True)
class Schedule:
    """The learning rate as it was planned: the trainer's name for its shape, and its peak."""

    kind: str
    peak: float


@dataclass(frozen=True)
class MemoryPoint:
    """GPU memory at a step, in MiB; None for what is not known."""

    step: int
    reserved: float | None = None
    free: float | None = None
    total: float | None = None


@dataclass(frozen=True)
class Liveness:
    """Whether the processes of a run that is not over are alive: `silent_seconds` since its last sign of life, and
    in `where`, a sentence, what is known of why. `utilisation_percent` is the GPU's use by this run, or all of it
    where the run has the GPU alone. With `is_shared` others use the GPU too and the driver does not tell whose use
    it is; then it is that of the CPU.
    """

    silent_seconds: float
    utilisation_percent: float | None = None
    is_alive: bool = True
    where: str = ""
    is_shared: bool = False


@dataclass(frozen=True, eq=False)
class Curves:
    """Everything a judgement may look at.

    `evals` maps a set's name (val, train_probe, general) to its evaluations in order of step; `row_losses` maps it to
    the loss of each row by step, shape (rows,), nats a token. `total_steps`, `steps_per_epoch` and
    `trainable_parameters` are None while unknown. `checkpoints` are the steps saved so far, `resumed_at` the last steps
    before each resume. `nan_hidden` is true for logs in which a loss that is not finite shows as 0.0,
    `has_norm_gaps` for those that leave the gradient norm out now and then: NaN is no overflow there.

    `begins_at_step` is the first step of a log that begins in mid-run, None where its start was seen: what came before
    is not known, so nothing can be said against it.

    `metrics` holds what a trainer logs beside the loss, under its own names (reward, kl, rewards/margins);
    `eval_metrics` the same of evaluations, by set and name without `eval_` (accuracy, rouge1); `answers` how held-out
    rows were answered.
    """

    train: TrainCurve = field(default_factory=TrainCurve)
    evals: Mapping[str, tuple[EvalPoint, ...]] = field(default_factory=dict)
    checkpoints: tuple[int, ...] = ()
    total_steps: int | None = None
    steps_per_epoch: int | None = None
    warmup_steps: int = 0
    trainable_parameters: int | None = None
    is_over: bool = False
    row_losses: Mapping[str, Mapping[int, Column]] = field(default_factory=dict)
    resumed_at: tuple[int, ...] = ()
    schedule: Schedule | None = None
    memory: tuple[MemoryPoint, ...] = ()
    liveness: Liveness | None = None
    nan_hidden: bool = False
    has_norm_gaps: bool = False
    begins_at_step: int | None = None
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    eval_metrics: Mapping[str, Mapping[str, Metric]] = field(default_factory=dict)
    answers: tuple[AnswerPoint, ...] = ()

    @property
    def val(self) -> tuple[EvalPoint, ...]:
        """The main set of held-out rows, whatever its name."""
        return self.evals.get(main_set(self.evals), ())

    @property
    def best(self) -> EvalPoint | None:
        """The best evaluation of the main set."""
        return best_of(self.val)

    @property
    def probe(self) -> tuple[EvalPoint, ...]:
        return self.evals.get("train_probe", ())

    @property
    def general(self) -> tuple[EvalPoint, ...]:
        return self.evals.get("general", ())

    @property
    def last_answers(self) -> AnswerPoint | None:
        """How held-out rows were answered last; None before they were."""
        return self.answers[-1] if self.answers else None

    @property
    def step(self) -> int:
        """The last step there is, by the metrics where no loss is logged; 0 before the first."""
        if len(self.train):
            return int(self.train.step[-1])
        return int(max((metric.step[-1] for metric in self.metrics.values() if len(metric)), default=0))
