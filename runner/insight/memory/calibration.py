"""What this machine's own runs say about the prediction: a few robust one-line estimates."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# A prior that weighs as much as two runs; with more, the runs decide.
PRIOR_RUNS = 2
LEAST_KAPPA, MOST_KAPPA = 0.8, 1.25
# What a run out of memory proves can exceed that, but not without end: the device may have had other guests.
MOST_FLOOR = 2.0


@dataclass(frozen=True)
class MemoryRecord:
    """What one run really used, beside what was predicted for the shape it really had. MiB.

    Predicted figures are of the closed form with the longest row the run saw. `shown` is what NVML saw of the process;
    figures a run did not get to are None. `oom` says that it ran out of memory: its peak is then a lower bound.
    """

    model_type: str
    gpu: str
    stack: str
    allocator: str
    predicted_static: float
    predicted_activations: float
    static: float | None = None
    peak_allocated: float | None = None
    peak_reserved: float | None = None
    shown: float | None = None
    oom: bool = False

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> MemoryRecord | None:
        """A record out of memory.json; None when it is no record."""

        def finite(key: str) -> float:
            if not math.isfinite(number := float(value[key])):
                raise ValueError(key)
            return number

        def seen(key: str) -> float | None:
            return None if value.get(key) is None else finite(key)

        try:
            return cls(
                model_type=str(value["model_type"]),
                gpu=str(value["gpu"]),
                stack=str(value["stack"]),
                allocator=str(value["allocator"]),
                predicted_static=finite("predicted_static"),
                predicted_activations=finite("predicted_activations"),
                static=seen("static"),
                peak_allocated=seen("peak_allocated"),
                peak_reserved=seen("peak_reserved"),
                shown=seen("shown"),
                oom=bool(value.get("oom")),
            )
        except (KeyError, TypeError, ValueError, OverflowError):
            return None


@dataclass(frozen=True)
class Calibration:
    """Corrections to the prior.

    kappa multiplies the activations; outside_mib is context and kernels together as measured (None: use the prior);
    reserve_share is what the allocator holds beyond what is allocated, as a share of the activations.
    """

    kappa: float = 1.0
    outside_mib: float | None = None
    reserve_share: float | None = None
    runs: int = 0
    runs_elsewhere: int = 0

    @property
    def basis(self) -> str:
        """What the prediction rests on, in words."""
        if self.runs:
            return f"{self.runs} {'run' if self.runs == 1 else 'runs'} on this GPU"
        if self.runs_elsewhere:
            return f"{self.runs_elsewhere} {'run' if self.runs_elsewhere == 1 else 'runs'} of other models on this GPU"
        return "formulas alone, no run on this GPU yet"


def calibrate(
    records: Iterable[MemoryRecord], model_type: str, gpu: str, stack: str, allocator: str
) -> Calibration:
    """Fit the corrections on the runs of this GPU: the activations on those of the same model family, versions and
    allocator, the memory outside the allocator on all of them.

    kappa is the mean of observed / predicted activations, shrunk towards 1 as if two runs had said so, and at least
    what runs that ended out of memory prove.
    """
    here = [record for record in records if record.gpu == gpu]
    same = [r for r in here if (r.model_type, r.stack, r.allocator) == (model_type, stack, allocator)]
    ratios: list[float] = []
    floors: list[float] = []
    shares: list[float] = []
    for record in same:
        static = record.static if record.static is not None else record.predicted_static
        if record.peak_allocated is None or record.predicted_activations <= 0:
            continue
        ratio = (record.peak_allocated - static) / record.predicted_activations
        (floors if record.oom else ratios).append(ratio)
        if record.peak_reserved is not None and not record.oom and record.peak_allocated > static:
            shares.append((record.peak_reserved - record.peak_allocated) / (record.peak_allocated - static))
    kappa = (PRIOR_RUNS + sum(ratios)) / (PRIOR_RUNS + len(ratios))
    floor = max(floors, default=None)
    if floor is not None:
        kappa = max(kappa, floor)
    outside = [
        r.shown - r.peak_reserved
        for r in here
        if r.shown is not None and r.peak_reserved is not None and r.shown >= r.peak_reserved
    ]
    return Calibration(
        kappa=min(max(kappa, LEAST_KAPPA), max(MOST_KAPPA, min(floor or 0.0, MOST_FLOOR))),
        outside_mib=statistics.median(outside) if outside else None,
        reserve_share=max(0.0, statistics.median(shares)) if shares else None,
        runs=len(ratios) + len(floors),
        runs_elsewhere=len(here) - len(same),
    )
