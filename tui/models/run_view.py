"""A run as it is shown: one frozen value made from its directory. No textual here."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runner import plain_text
from runner.insight.batch import BatchPlan
from runner.insight.curves import Curves
from runner.insight.diagnosis import UNKNOWN, Verdict
from runner.store.events import Phase
from runner.store.history import whole


@dataclass(frozen=True)
class RunRow:
    """A run in a list."""

    id: str
    name: str
    phase: Phase = Phase.STARTING
    step: int = 0
    total_steps: int | None = None
    loss: float | None = None
    best_loss: float | None = None
    losses: tuple[float, ...] = ()
    verdict: str = ""
    severity: int = 1
    answers: str = ""
    """Held-out rows answered exactly at the last evaluation: '15/16'; empty where that says nothing."""
    reason: str = ""
    place: int = 0
    """Its place in the queue while it waits, 1 for the next."""

    @property
    def progress(self) -> float | None:
        """Share of steps done, 0 to 1."""
        return min(1.0, self.step / self.total_steps) if self.total_steps else None


@dataclass(frozen=True)
class PresetCard:
    """A preset in a list. `lines` are (label, value) pairs for its panel; `problems` say why it cannot be used,
    `danger` what it may do to this machine.
    """

    name: str
    path: str
    shipped: bool
    method: str = ""
    description: str = ""
    lines: tuple[tuple[str, str], ...] = ()
    problems: tuple[str, ...] = ()
    danger: str = ""


@dataclass(frozen=True)
class RunView:
    """Everything the run panel shows. `system` is the newest line of system.jsonl, `series` its recent figures by name
    (own_mib, used_mib, others_mib, free_mib, utilisation_percent, power_w, temperature_c, rss_mib), NaN where unknown.

    `way_on` is what can be done with a run that is over and not finished. `eta_seconds` counts the remaining steps and
    evaluations at the recent pace. `is_foreign` is true for runs that were started elsewhere, of which only a trace can
    be read.
    """

    id: str = ""
    path: str = ""
    phase: Phase = Phase.STARTING
    reason: str = ""
    hint: str = ""
    way_on: str = ""
    curves: Curves = field(default_factory=Curves)
    verdict: Verdict = UNKNOWN
    plan: Mapping[str, Any] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    system: Mapping[str, Any] = field(default_factory=dict)
    memory: Mapping[str, Any] = field(default_factory=dict)
    series: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    samples: tuple[Mapping[str, Any], ...] = ()
    console: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    eta_seconds: float | None = None
    saved: str = ""
    bad_lines: int = 0
    is_foreign: bool = False
    kind: str = ""
    title: str = ""

    @property
    def name(self) -> str:
        return self.title or name_of(self.id)

    @property
    def step(self) -> int:
        return self.curves.step

    @property
    def total_steps(self) -> int | None:
        return self.curves.total_steps

    @property
    def batch(self) -> BatchPlan | None:
        """The batch arithmetic the trainer reported; None before it did."""
        sizes = [
            whole(self.plan.get(key))
            for key in ("per_device_train_batch_size", "gradient_accumulation_steps", "world_size")
        ]
        if None in sizes:
            return None
        per_device, accumulation, world = (int(size or 0) for size in sizes)
        return BatchPlan(
            per_device,
            accumulation,
            world,
            per_device * accumulation * world,
            self.curves.steps_per_epoch or 0,
            self.curves.total_steps or 0,
            self.curves.warmup_steps,
        )


def is_foreign(view: RunView | None) -> bool:
    """Whether another trainer's run is shown."""
    return view is not None and view.is_foreign


def name_of(run_id: str) -> str:
    """The preset's name in a run's id."""
    parts = run_id.split("-")
    return "-".join(parts[2:-1]) or run_id


def age(seconds: float) -> str:
    """A duration in the two largest units that matter: '45 s', '12 min', '3 h 5 min', '2 d 4 h'."""
    whole_seconds = max(0, round(seconds))
    if whole_seconds < 60:
        return f"{whole_seconds} s"
    minutes, hours, days = whole_seconds // 60, whole_seconds // 3600, whole_seconds // 86400
    if minutes < 60:
        return f"{minutes} min"
    return f"{hours} h {minutes % 60} min" if hours < 24 else f"{days} d {hours % 24} h"


def since(timestamp: Any) -> str:
    """How long ago a time stamp was; empty for none."""
    value = decimal(timestamp)
    return f"{age(time.time() - value)} ago" if value else ""


def decimal(value: Any) -> float | None:
    """A finite number, or None."""
    ok = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if ok else None


def figures(sample: Mapping[str, object]) -> dict[str, float]:
    """The figures of one line of system.jsonl that are drawn over time; NaN where unknown."""
    gpu = sample.get("gpu")
    values = {"rss_mib": sample.get("trainer_rss_mib")}
    if isinstance(gpu, dict):
        used, own = decimal(gpu.get("used_mib")), decimal(gpu.get("own_mib"))
        values |= {
            name: gpu.get(name) for name in ("free_mib", "utilisation_percent", "power_w", "temperature_c")
        }
        values |= {"own_mib": own, "used_mib": used}
        values |= {"others_mib": max(0.0, used - own) if used is not None and own is not None else None}
    known = {name: decimal(value) for name, value in values.items()}
    return {name: math.nan if value is None else value for name, value in known.items()}


def text(value: Any) -> str:
    """Text from a file, safe to show; empty for anything else."""
    return plain_text.prose(value) if isinstance(value, str) else ""


def whole_pair(value: Any) -> tuple[int, int] | None:
    """Two whole numbers from a file, or None."""
    ok = isinstance(value, list | tuple) and len(value) == 2 and all(type(part) is int for part in value)
    return (value[0], value[1]) if ok else None
