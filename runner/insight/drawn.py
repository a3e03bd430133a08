"""What of a run is drawn: its loss and its held-out sets, or, where the loss says nothing, what it is judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from runner.insight.curves import Curves, EvalPoint, best_of, held_out
from runner.insight.task import main_curve
from runner.insight.train_curve import Column

MOST_SETS = 4


@dataclass(frozen=True, eq=False)
class Drawn:
    """A curve over steps, `step` and `value` of shape (n,), steps rising, with the same as it was evaluated.

    `name` is the metric's, '' for the loss. `sets` are the held-out sets by name, the main one first, at most four;
    `left_out` counts the others. `best` is the best evaluation of the main set: the least loss, the highest reward.
    """

    step: Column
    value: Column
    name: str = ""
    sets: Mapping[str, Sequence[EvalPoint]] = field(default_factory=dict)
    probe: Sequence[EvalPoint] = ()
    best: EvalPoint | None = None
    left_out: int = 0

    @property
    def main(self) -> Sequence[EvalPoint]:
        """The evaluations of the main set."""
        return next(iter(self.sets.values()), ())

    @property
    def others(self) -> list[Sequence[EvalPoint]]:
        """Those of the further sets."""
        return list(self.sets.values())[1:]

    @property
    def last_step(self) -> int:
        """The last step of all that is drawn."""
        ends = [int(points[-1].step) for points in (*self.sets.values(), self.probe) if points]
        return max([int(self.step[-1]) if len(self.step) else 0, *ends])


def drawn(curves: Curves) -> Drawn:
    """What is drawn of a run."""
    name = main_curve(curves)
    return loss_of(curves) if name is None else _judged_by(curves, name)


def loss_of(curves: Curves) -> Drawn:
    """The loss, of whatever kind of run."""
    sets = held_out(curves.evals)
    shown = dict(list(sets.items())[:MOST_SETS])
    train = curves.train
    return Drawn(train.step, train.loss, "", shown, curves.probe, best_of(curves.val), len(sets) - len(shown))


def _judged_by(curves: Curves, name: str) -> Drawn:
    metric = curves.metrics[name]
    found = {of: metrics[name] for of, metrics in curves.eval_metrics.items() if len(metrics.get(name, ()))}
    sets = {
        of: tuple(EvalPoint(int(step), float(value)) for step, value in zip(one.step, one.value, strict=True))
        for of, one in list(found.items())[:MOST_SETS]
    }
    highest = next(iter(found.values())).highest if found else None
    best = EvalPoint(*highest) if highest is not None else None
    return Drawn(metric.step, metric.value, name, sets, (), best, len(found) - len(sets))
