"""What training rows tell while the held-out loss rises: are they being learned by heart?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from runner.insight.curves import Curves, finite, least_loss
from runner.insight.diagnosis.health import unusable
from runner.insight.diagnosis.held_out_trend import Rise
from runner.insight.train_curve import Column

# A train loss under this share of the held-out one is not explained by rows that are merely easier.
BY_HEART = 0.6


class Training(StrEnum):
    """What became of the training rows' loss since the best evaluation."""

    FELL = "fell"
    BY_HEART = "by heart"
    NOT_FALLEN = "not fallen"
    FIRST_EPOCH = "first epoch"
    TOO_SPARSE = "too sparse"
    UNSEEN = "unseen"

    @property
    def is_memorising(self) -> bool:
        return self in (Training.FELL, Training.BY_HEART)

    @property
    def is_known(self) -> bool:
        return self is not Training.TOO_SPARSE and self is not Training.UNSEEN


@dataclass(frozen=True)
class TrainingSide:
    """`before` and `now` are losses in nats a token, NaN when unknown; `by_probe` when they were evaluated with the
    same weights as the held-out rows.
    """

    state: Training
    before: float = math.nan
    now: float = math.nan
    by_probe: bool = False

    @property
    def fall(self) -> float:
        """As a share of what it was."""
        return 1 - self.now / self.before if self.before > 0 else math.nan


def training_side(curves: Curves, current: Rise) -> TrainingSide:
    """From the evaluated training rows; without any, from the train losses before each of the two evaluations.

    In the first epoch training rows are as new to the model as held-out ones, so a fall there shows no memorising.
    """
    probe = {point.step: point.loss for point in finite(curves.probe)}
    if current.best.step in probe and current.now.step in probe:
        before, now = probe[current.best.step], probe[current.now.step]
        fell = before - now > current.noise
        return TrainingSide(Training.FELL if fell else Training.NOT_FALLEN, before, now, True)
    train = curves.train
    losses = np.where(unusable(curves), np.nan, train.loss)
    if not np.isfinite(losses).any():
        return TrainingSide(Training.UNSEEN)
    size = curves.steps_per_epoch
    if size and current.now.step <= size:
        return TrainingSide(Training.FIRST_EPOCH)
    before, now = _levels(curves, losses, current)
    if now < BY_HEART * current.best.loss and (not size or current.now.step > size):
        return TrainingSide(Training.BY_HEART, before, now)
    if not math.isfinite(before) or not math.isfinite(now):
        return TrainingSide(Training.TOO_SPARSE, before, now)
    fell = before - now > current.noise
    return TrainingSide(Training.FELL if fell else Training.NOT_FALLEN, before, now)


def _levels(curves: Curves, losses: Column, current: Rise) -> tuple[float, float]:
    """Median train loss up to the best evaluation, from the later half of the steps since the one before it, and since
    then, from the later half too; at least of one entry, NaN where there is none.
    """
    step, best = curves.train.step, current.best.step
    known = np.isfinite(losses)
    earlier = max((point.step for point in curves.val if point.step < best), default=0)
    before, after = known & (step <= best), known & (step > best) & (step <= current.now.step)
    levels = []
    for part, start, end in ((before, earlier, best), (after, best, current.now.step)):
        late = part & (step > (start + end) / 2)
        chosen = losses[late] if late.any() else losses[part][-1:]
        levels.append(float(np.median(chosen)) if len(chosen) else math.nan)
    return levels[0], levels[1]


def held_out_denies(curves: Curves, since: int, ratio: float) -> bool:
    """Whether the held-out loss was last measured at step `since` or later and lay under `ratio` of its least: then the
    train loss rises by harder rows, not by a worse model.
    """
    points = finite(curves.val)
    return bool(points) and points[-1].step >= since and points[-1].loss < ratio * least_loss(points)
