"""Single steps whose loss stands far above its neighbours."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from runner.insight.curves import Curves
from runner.insight.diagnosis.finding import Action, Finding, Severity
from runner.insight.diagnosis.noise import log_losses, spread
from runner.insight.train_curve import Column, Indices

WINDOW = 20
FEWEST = 8
SIGMAS = 5.0
LEAST_RATIO = 1.5
LEAST_SPREAD = 0.02
RECOVERY = 10
BACK_SIGMAS = 2.0
SHOWN = 5
# More than one in so many is not a spike but the data's own scatter.
COMMON = 25
FEW = 6
BATCH = 65_536


@dataclass(frozen=True)
class Spike:
    """A loss `ratio` times the median before it, at index `at` of the curve; `recovered` within ten entries, `is_open`
    while too few came after it to know.
    """

    at: int
    ratio: float
    sigmas: float
    recovered: bool
    is_open: bool = False


def find_spikes(curves: Curves) -> list[Spike]:
    """Every spike: ln ℓ − median of the 20 before > max(5 s, ln 1.5), s = max(1.4826 · MAD, 0.02), at least 8 before.

    Spikes found are left out of later windows; a window begins anew at an epoch's border or a resume as soon as eight
    entries follow it, because a stair there is no spike.
    """
    logs = log_losses(curves.train.loss)
    borders = _borders(curves)
    kept = np.isfinite(logs)
    spikes = []
    for at in _candidates(logs):
        window = _window(logs, int(at), kept, borders)
        if len(window) < FEWEST:
            continue
        middle, scatter = float(np.median(window)), max(spread(window), LEAST_SPREAD)
        height = float(logs[at]) - middle
        if height > max(SIGMAS * scatter, math.log(LEAST_RATIO)):
            kept[at] = False
            after = logs[at + 1 : at + 1 + RECOVERY]
            back = bool((after < middle + BACK_SIGMAS * scatter).any())
            unknown = not back and len(after) < RECOVERY
            spikes.append(Spike(int(at), math.exp(height), height / scatter, back or unknown, unknown))
    return spikes


def _candidates(logs: Column) -> Indices:
    """Indices that can be spikes at all, found cheaply: well above the least of the forty before, and then well above
    the lower quartile of the twenty before, which a few spikes among them do not lift.
    """
    n = len(logs)
    if n <= FEWEST:
        return np.empty(0, dtype=np.int64)
    least = np.full(n, np.inf)
    for back in range(1, min(2 * WINDOW, n)):
        least[back:] = np.fmin(least[back:], logs[:-back])
    with np.errstate(invalid="ignore"):
        found = np.flatnonzero(logs > least + math.log(LEAST_RATIO))
    sure, early = found[found >= WINDOW], found[found < WINDOW]
    parts = [early]
    for start in range(0, len(sure), BATCH):
        part = sure[start : start + BATCH]
        before = np.nan_to_num(logs[part[:, None] - np.arange(1, WINDOW + 1)], nan=np.inf)
        low = np.partition(before, WINDOW // 4, axis=1)[:, WINDOW // 4]
        parts.append(part[logs[part] > low + math.log(LEAST_RATIO)])
    return np.concatenate(parts)


def _borders(curves: Curves) -> Indices:
    """Indices at which an epoch or a resumed part begins."""
    train = curves.train
    marks: list[float] = [float(step) for step in curves.resumed_at]
    if curves.steps_per_epoch and len(train):
        marks += list(np.arange(curves.steps_per_epoch, train.step[-1], curves.steps_per_epoch))
    return np.unique(np.searchsorted(train.step, np.asarray(marks), side="right"))


def _window(logs: Column, at: int, kept: npt.NDArray[np.bool_], borders: Indices) -> Column:
    start = max(0, at - 2 * WINDOW)
    place = int(np.searchsorted(borders, at, side="right")) - 1
    if place >= 0 and at - int(borders[place]) >= FEWEST:
        start = max(start, int(borders[place]))
    window: Column = logs[start:at][kept[start:at]][-WINDOW:]
    return window


_OPEN = {
    False: "whether it comes back is not known yet",
    True: "the run ends before it can be seen to come back",
}


def spike(curves: Curves) -> Finding | None:
    """`spike`: the loss jumped in single steps and came back, or is too new to know. What does not come back is a
    divergence.
    """
    found = [s for s in find_spikes(curves) if s.recovered]
    if not found or len(found) > max(FEW, len(curves.train) // COMMON):
        return None
    train = curves.train
    last = found[-1]
    step = int(train.step[last.at])
    before = float(train.grad_norm[last.at - 1])
    grad = float(train.grad_norm[last.at])
    norm = (
        f", gradient norm {before:.2g} → {grad:.2g}" if math.isfinite(before) and math.isfinite(grad) else ""
    )
    ending = _OPEN[curves.is_over] if last.is_open else "it came back"
    others = f" {len(found) - 1} earlier." if len(found) > 1 else ""
    return Finding(
        id="spike",
        name="spike",
        severity=Severity.INFO,
        since_step=step,
        sentence=f"Loss {last.ratio:.1f} times its neighbours at step {step}{norm}; {ending}.{others}",
        actions=(Action("look at the rows of that step"), Action("leave those rows out")),
        evidence={
            "step": step,
            "loss": float(train.loss[last.at]),
            "ratio": last.ratio,
            "sigmas": last.sigmas,
            "grad_norm_before": before,
            "grad_norm": grad,
            "learning_rate": float(train.lr[last.at]),
            "spikes": len(found),
        },
        steps=tuple(int(train.step[s.at]) for s in found[-SHOWN:][::-1]),
    )
