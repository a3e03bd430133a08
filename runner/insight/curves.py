"""The curves of a run as plain numbers: what every judgement starts from."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field


def column() -> array[float]:
    return array("d")


@dataclass(frozen=True)
class TrainCurve:
    """One entry per optimizer step, all columns equally long, steps strictly rising.

    loss is the loss of that step in nats a token; grad_norm is before clipping; tokens are those of the step, padding
    excluded; seconds is the step's duration; accuracy is the share of trained tokens predicted right, NaN if unknown.
    """

    step: array[float] = field(default_factory=column)
    epoch: array[float] = field(default_factory=column)
    loss: array[float] = field(default_factory=column)
    lr: array[float] = field(default_factory=column)
    grad_norm: array[float] = field(default_factory=column)
    tokens: array[float] = field(default_factory=column)
    seconds: array[float] = field(default_factory=column)
    accuracy: array[float] = field(default_factory=column)

    def __len__(self) -> int:
        return len(self.step)

    def copy(self) -> TrainCurve:
        return TrainCurve(**{name: getattr(self, name)[:] for name in self.__dataclass_fields__})


@dataclass(frozen=True)
class EvalPoint:
    """The mean loss of one evaluation: nats a token, over `n` rows."""

    step: int
    loss: float
    n: int = 0
    epoch: float = 0.0


@dataclass(frozen=True)
class Curves:
    """Everything a judgement may look at.

    `evals` maps a set's name (val, train_probe, general) to its evaluations in order of step. `total_steps`,
    `steps_per_epoch` and `trainable_parameters` are None while unknown. `checkpoints` are the steps saved so far.
    """

    train: TrainCurve = field(default_factory=TrainCurve)
    evals: Mapping[str, tuple[EvalPoint, ...]] = field(default_factory=dict)
    checkpoints: tuple[int, ...] = ()
    total_steps: int | None = None
    steps_per_epoch: int | None = None
    warmup_steps: int = 0
    trainable_parameters: int | None = None
    is_over: bool = False

    @property
    def val(self) -> tuple[EvalPoint, ...]:
        return self.evals.get("val", ())

    @property
    def probe(self) -> tuple[EvalPoint, ...]:
        return self.evals.get("train_probe", ())
