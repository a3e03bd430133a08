"""Runs with a known answer, drawn at random: what the detectors are measured on.

Where a range follows a measurement it is said: "real" means 141 public training logs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from runner.insight.train_curve import Column

SCHEDULES = ("linear", "cosine", "constant_with_warmup")
# Relative drop of the train loss at an epoch's border, by quantile. Real: median 6 %, IQR 0–21 %, most 59 %; runs that
# stay healthy lie in its lower part.
DROP_QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)
DROPS = (0.0, 0.0, 0.06, 0.21, 0.35, 0.59)
HEALTHY_DROPS = (0.0, 0.02, 0.06, 0.14, 0.22, 0.25)
# Student's t with 4 degrees of freedom leaves 3 % beyond three robust standard deviations, as real train losses do;
# its own robust standard deviation is 1.098.
TAILS, TAIL_SPREAD = 4, 1.098


class Batch:
    """`n` runs: what was drawn, shape (n, 1), and their curves without noise, shape (n, steps + 1).

    Column s is after step s, column 0 before training. The last columns of shorter runs are not used.
    """

    def __init__(self, rng: np.random.Generator, n: int, epochs: Sequence[int]) -> None:
        self.rng, self.n = rng, n
        self.evals = rng.integers(8, 26, (n, 1))
        steps = self.log_uniform(100, 2000)
        self.every = np.maximum(4, steps // (self.evals - 1)).astype(int)
        self.total = self.every * (self.evals - 1) + rng.integers(0, self.every)
        self.per_epoch = np.ceil(self.total / rng.choice(epochs, (n, 1))).astype(int)
        self.warmup = (self.total * self.uniform(0, 0.1)).astype(int)
        self.peak = self.log_uniform(1e-5, 5e-4)
        self.schedule = rng.integers(0, len(SCHEDULES), (n, 1))
        self.step = np.arange(float(self.total.max() + 1))[None, :]
        self.rate = self._rates()
        self.progress = np.cumsum(self.rate, axis=1) / self.rate.sum(axis=1, keepdims=True)
        self.start = self.log_uniform(1.2, 3.5)
        self.low = self.start * self.uniform(0.4, 0.85)
        self.fast, self.slow, self.share = (
            self.log_uniform(0.01, 0.06),
            self.log_uniform(0.1, 0.6),
            self.uniform(0.5, 0.8),
        )
        self.held_out = self.trained = self.fall(self.progress)
        self.drop = np.interp(self.uniform(0, 1), DROP_QUANTILES, HEALTHY_DROPS)
        # Real train losses: robust sd of ln loss 0.02 to 0.2 when each step is logged.
        self.noise = self.log_uniform(0.02, 0.25)
        # Real evaluations: median 0.56 % of the least, IQR 0.28–7.8 %.
        self.eval_noise = self.log_uniform(0.001, 0.02)
        self.general_noise = self.log_uniform(0.001, 0.02)
        self.general = 1 + self.uniform(-0.01, 0.025) * self.progress
        self.has_general, self.has_probe = self.uniform(0, 1) < 0.5, self.uniform(0, 1) < 2 / 3
        self.rows = self.log_uniform(40, 500)
        # ln factors of single steps, and factors of the gradient norm; real norms: median 1.7, sd of ln 0.15 to 0.7.
        self.jitter, self.grad = np.zeros_like(self.rate), np.ones_like(self.rate)
        self.dips = np.zeros((n, int(self.evals.max())))
        self.onset = np.zeros((n, 1))
        self.drawn: dict[str, Column] = {}

    def uniform(self, low: float | Column, high: float | Column) -> Column:
        return self.rng.uniform(low, high, (self.n, 1))

    def log_uniform(self, low: float, high: float) -> Column:
        return np.exp(self.uniform(np.log(low), float(np.log(high))))

    def fall(self, progress: Column) -> Column:
        """The loss on new rows: a fast and a slow exponential towards `low`; `progress` counts steps by their rate."""
        fast, slow = np.exp(-progress / self.fast), np.exp(-progress / self.slow)
        return self.low + (self.start - self.low) * (self.share * fast + (1 - self.share) * slow)

    def at(self, values: Column, step: Column) -> Column:
        """The values at a step of each run, shape (n, 1), or at many, shape (n, many)."""
        return np.asarray(np.take_along_axis(values, step.astype(int), axis=1))

    def _rates(self) -> Column:
        """Shares of the peak rate by step, as the trainer logs them: the first step has that of step 0."""
        before = self.step - 1
        ramp = before / np.maximum(self.warmup, 1)
        left = (before - self.warmup) / np.maximum(self.total - self.warmup, 1)
        shapes = [1 - left, (1 + np.cos(np.pi * np.clip(left, 0, 1))) / 2, np.ones_like(left)]
        rate = np.where(before < self.warmup, ramp, np.choose(self.schedule, shapes))
        rate = np.clip(rate, 0, None)
        return np.asarray(np.where((before < 0) | (self.step > self.total), 0, rate))

    def seen(self, by_epoch: bool) -> Column:
        """ln factor of training rows: ln(1 − drop) an epoch, in stairs for batches, steadily for the probe."""
        shown: Column = np.log(1 - self.drop) * self.total / self.per_epoch * self.progress
        if not by_epoch:
            return shown
        border = np.maximum(self.step - 1, 0) // self.per_epoch * self.per_epoch
        return self.at(shown, np.minimum(border, self.total))


def healthy(b: Batch) -> None:
    """As drawn."""


def noisy(b: Batch) -> None:
    """Few held-out rows, and one lucky dip of two to three standard deviations."""
    b.eval_noise, b.rows = b.uniform(0.02, 0.04), b.log_uniform(8, 40)
    lucky = (b.uniform(0.3, 1) * (b.evals - 1)).astype(int)
    np.put_along_axis(b.dips, lucky, -b.uniform(2, 3), axis=1)


def plateau(b: Batch) -> None:
    b.slow = b.log_uniform(0.04, 0.12)
    b.held_out = b.trained = b.fall(b.progress)


def spikes(b: Batch) -> None:
    """One to four jumps to 1.5–6 times the loss, back within some steps; the gradient norm jumps one step before. In
    half of the runs the weights are hit too, so that an evaluation right then is worse.
    """
    weights = (b.uniform(0, 1) < 0.5) * 0.3
    for number in range(4):
        happens = b.uniform(0, 1) < (1.0 if number == 0 else 0.4)
        since = b.step - (b.uniform(0.05, 1) * b.total).astype(int)
        excess = happens * np.where(since < 0, 0, np.exp(-np.maximum(since, 0) / b.uniform(0.3, 3)))
        excess = excess * np.log(b.uniform(1.5, 6))
        b.jitter = b.jitter + excess
        b.held_out, b.trained = (loss * np.exp(weights * excess) for loss in (b.held_out, b.trained))
        b.grad = b.grad * np.where(happens & (np.abs(since + 0.5) < 1), b.uniform(3, 20), 1)


def waves(b: Batch) -> None:
    """Data order shows: a slow sine, or rows sorted by length within some hundred batches, the longest first."""
    b.drawn["wave"] = b.log_uniform(0.02, 0.2)
    period = np.maximum(b.per_epoch * b.uniform(0.1, 1), 4)
    sawtooth = 1 - 2 * (b.step % period) / period
    sign = np.sign(b.uniform(-1, 1))
    b.drawn["grouped"] = np.where(b.uniform(0, 1) < 0.5, 1.0, 0.0)
    shape = np.where(b.drawn["grouped"] > 0, sawtooth, np.sin(2 * np.pi * b.step / period))
    b.jitter = b.drawn["wave"] * sign * shape


def overfit(b: Batch, least: float, most: float) -> None:
    """From the end of the first epoch or later the held-out loss rises; training rows are learned on.

    Both go with the rate: a run whose rate has fallen to nothing neither learns by heart nor gets worse. Real minima
    lie at 7 to 56 % of the steps (5th and 95th percentile).
    """
    first = b.at(b.progress, 0.9 * b.per_epoch)
    began = b.uniform(first, np.maximum(first, 0.7))
    b.onset, b.drawn["rise"] = (b.progress < began).sum(axis=1, keepdims=True), b.uniform(least, most)
    after = np.clip((b.progress - began) / (1 - began), 0, 1) ** b.uniform(0.7, 1.5)
    b.held_out = b.fall(np.minimum(b.progress, began)) * (1 + b.drawn["rise"] * after)
    b.drop = np.interp(b.uniform(0.4, 1), DROP_QUANTILES, DROPS)


def blown_up(b: Batch) -> None:
    """Within 3 to 50 steps to 2–8 times the loss, for good."""
    b.onset = (b.uniform(0.2, 0.8) * b.total).astype(int)
    ramp = np.minimum(b.log_uniform(3, 50), (b.total - b.onset) / 3)
    b.drawn["ratio"] = b.log_uniform(2, 8)
    gone = 1 - np.exp(-np.maximum(b.step - b.onset, 0) / (ramp / 2))
    b.trained = b.held_out = b.held_out * b.drawn["ratio"] ** gone
    b.jitter = b.rng.normal(0, 1, b.rate.shape) * b.noise * gone
    b.grad = 1 + gone * b.uniform(2, 30)


def drifting(b: Batch) -> None:
    """Slowly up to 1.5–3 times the loss at the end."""
    b.onset = (b.uniform(0.2, 0.6) * b.total).astype(int)
    b.drawn["ratio"] = b.uniform(1.5, 3)
    gone = np.maximum(b.step - b.onset, 0) / (b.total - b.onset)
    began = np.minimum(b.progress, b.at(b.progress, b.onset))
    b.trained = b.held_out = b.fall(began) * b.drawn["ratio"] ** gone
    b.grad = 1 + gone * b.uniform(1, 5)


def not_a_number(b: Batch) -> None:
    b.onset = np.maximum((b.uniform(0.05, 0.95) * b.total).astype(int), 1)
    b.trained = b.held_out = np.where(b.step >= b.onset, np.nan, b.held_out)
    b.grad, b.general = (np.where(b.step >= b.onset, np.nan, values) for values in (b.grad, b.general))


def oscillating(b: Batch) -> None:
    """Swings of 0.3 to 0.6 in ln loss, neighbours alike, and no fall; evaluations swing by 3–15 %."""
    b.onset = b.warmup
    settled = np.minimum(b.progress / np.maximum(b.at(b.progress, b.warmup + 1), 0.01), 1)
    b.trained = b.held_out = b.start * np.exp(b.uniform(-0.05, 0.1) * settled)
    swing, alike = b.uniform(0.3, 0.6), b.uniform(0, 0.5)
    b.drawn |= {"swing": swing, "alike": alike}
    shock = b.rng.normal(0, 1, b.rate.shape) * np.sqrt(1 - alike**2)
    for s in range(1, shock.shape[1]):
        shock[:, s] += alike[:, 0] * shock[:, s - 1]
    b.jitter, b.eval_noise = swing * settled * shock, b.uniform(0.03, 0.15)


def not_learning(b: Batch) -> None:
    """At most 1 % down at the end. The weights hardly move, so evaluations of the same rows hardly differ."""
    b.drawn["fall"] = b.uniform(0, 0.01)
    b.trained = b.held_out = b.start * (1 - b.drawn["fall"] * b.progress)
    b.drop, b.eval_noise = np.zeros((b.n, 1)), b.log_uniform(0.0002, 0.003)


def forgetting(b: Batch) -> None:
    """The general set ends 6–35 % worse; the onset is where it passes 5 %."""
    b.drawn["forgotten"] = b.uniform(0.06, 0.35)
    b.general = 1 + b.drawn["forgotten"] * b.progress ** b.uniform(0.5, 1)
    b.onset = (b.general < 1.05).sum(axis=1, keepdims=True)
    b.has_general, b.general_noise = np.full((b.n, 1), True), b.log_uniform(0.001, 0.01)


@dataclass(frozen=True)
class Kind:
    """A class of runs: its shape, how many epochs they have, and the detector that should warn, if any should."""

    name: str
    shape: Callable[[Batch], None]
    expected: str | None = None
    epochs: tuple[int, ...] = (1, 2, 3)


KINDS = (
    Kind("healthy, 1 epoch", healthy, epochs=(1,)),
    Kind("healthy, 3 epochs", healthy, epochs=(3,)),
    Kind("healthy, noisy", noisy),
    Kind("healthy, plateau", plateau),
    Kind("healthy, spikes", spikes),
    Kind("healthy, waves", waves),
    Kind("mild overfit", partial(overfit, least=0.015, most=0.04), "overfitting", (2, 3, 4, 5, 6)),
    Kind("overfit", partial(overfit, least=0.06, most=0.35), "overfitting", (2, 3, 4, 5, 6)),
    Kind("blown up", blown_up, "divergence"),
    Kind("drifting up", drifting, "divergence"),
    Kind("NaN", not_a_number, "non-finite"),
    Kind("oscillating", oscillating, "rate-too-high"),
    Kind("not learning", not_learning, "not-learning"),
    Kind("forgetting", forgetting, "forgetting"),
)
