"""A run as it is shown: one frozen value made from its directory. No textual here."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.insight.batch import BatchPlan
from runner.insight.curves import Curves
from runner.insight.diagnosis import Severity, Verdict, VerdictKind, diagnose
from runner.insight.reduction import Bucket, reduce
from runner.run import console, summary
from runner.run.directory import RunDirectory, read_json
from runner.run.events import Phase
from runner.run.history import History, whole
from runner.run.jsonl import LineTail, Record

ETA_STEPS = 50
UNKNOWN_VERDICT = Verdict(VerdictKind.TOO_EARLY, Severity.INFO, "Nothing has happened yet.")


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
    reason: str = ""

    @property
    def progress(self) -> float | None:
        """Share of steps done, 0 to 1."""
        return min(1.0, self.step / self.total_steps) if self.total_steps else None


@dataclass(frozen=True)
class PresetCard:
    """A preset in a list. `lines` are (label, value) pairs for its panel; `problems` say why it cannot be used."""

    name: str
    path: str
    shipped: bool
    method: str = ""
    description: str = ""
    lines: tuple[tuple[str, str], ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunView:
    """Everything the run panel shows. `system` is the newest line of system.jsonl, `vram` its memory over time (MiB).

    `eta_seconds` counts the remaining steps and evaluations at the recent pace.
    """

    id: str = ""
    path: str = ""
    phase: Phase = Phase.STARTING
    reason: str = ""
    hint: str = ""
    curves: Curves = field(default_factory=Curves)
    buckets: tuple[Bucket, ...] = ()
    verdict: Verdict = UNKNOWN_VERDICT
    plan: Mapping[str, Any] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    system: Mapping[str, Any] = field(default_factory=dict)
    memory: Mapping[str, Any] = field(default_factory=dict)
    vram: tuple[float, ...] = ()
    console: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    eta_seconds: float | None = None
    best_step: int | None = None
    saved: str = ""
    bad_lines: int = 0

    @property
    def name(self) -> str:
        return name_of(self.id)

    @property
    def step(self) -> int:
        return int(self.curves.train.step[-1]) if len(self.curves.train) else 0

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


class RunFollower:
    """Reads a run directory as it grows; every `poll` returns the newest view, or None when nothing changed."""

    VRAM_POINTS = 240

    def __init__(self, run: RunDirectory, console_lines: int = 200) -> None:
        self.run = run
        self._console_lines = console_lines
        self._forget()

    def _forget(self) -> None:
        self._events = LineTail(self.run.events)
        self._system = LineTail(self.run.system)
        self._history = History()
        self._record: Record = {}
        self._sample: Record = {}
        self._vram: list[float] = []
        self._state: Record = {}
        self._console_size = -1
        self._console: tuple[str, ...] = ()
        self._curves = Curves()
        self._buckets: tuple[Bucket, ...] = ()
        self._verdict = UNKNOWN_VERDICT

    def poll(self) -> RunView | None:
        """Take in what is new."""
        events, samples = self._events.read_all(), self._system.read_all()
        if self._events.restarts:
            # The file was replaced or cut: nothing folded from it holds any more.
            self._forget()
            return self.poll()
        self._record = self._record or read_json(self.run.run)
        state = summary.read_state(self.run)
        changed = bool(events or samples) or state != self._state or self._read_console()
        self._state = state
        for event in events:
            self._history.fold(event)
        for sample in samples:
            self._take_sample(sample)
        if events:
            self._curves = self._history.curves()
            self._verdict = diagnose(self._curves)
            self._buckets = reduce(self._curves.train.step, self._curves.train.loss)
        return self._view() if changed else None

    def _take_sample(self, sample: Record) -> None:
        self._sample = sample
        gpu = sample.get("gpu")
        used = (
            gpu.get("own_mib") or gpu.get("used_mib")
            if isinstance(gpu, dict)
            else sample.get("trainer_rss_mib")
        )
        if isinstance(used, int | float) and math.isfinite(used):
            self._vram = [*self._vram[-self.VRAM_POINTS + 1 :], float(used)]

    def _read_console(self) -> bool:
        try:
            size = self.run.console.stat().st_size
        except OSError:
            return False
        if size == self._console_size:
            return False
        self._console_size = size
        self._console = tuple(console.last_lines(self.run.console, self._console_lines))
        return True

    def _view(self) -> RunView:
        history = self._history
        phase = history.phase
        if not phase.is_over:
            # The processes may be gone without having said so; only the state, checked against the locks, knows.
            known = summary.phase_of(self._state)
            phase = known if known.is_over else phase
        return RunView(
            id=self.run.id,
            path=str(self.run.path),
            phase=phase,
            reason=text(
                history.end.get("reason") or history.error.get("message") or self._state.get("reason")
            ),
            hint=text(history.error.get("hint")),
            curves=self._curves,
            buckets=self._buckets,
            verdict=self._verdict,
            plan=history.plan,
            record=self._record,
            system=self._sample,
            memory=history.memory,
            vram=tuple(self._vram),
            console=self._console,
            warnings=tuple(text(warning.get("message")) for warning in history.warnings),
            eta_seconds=None if phase.is_over else eta_seconds(history),
            best_step=whole(history.end.get("best_step")),
            saved=text(history.end.get("saved")),
            bad_lines=self._events.bad_lines + history.bad_events,
        )


def read_view(run: RunDirectory) -> RunView:
    """A run as it is on disk now."""
    return RunFollower(run).poll() or RunView(id=run.id, path=str(run.path))


def read_row(run: RunDirectory) -> RunRow:
    """A run for a list, from its state.json alone."""
    state = summary.read_state(run)
    losses = state.get("losses")
    return RunRow(
        id=run.id,
        name=name_of(run.id),
        phase=summary.phase_of(state),
        step=whole(state.get("step")) or 0,
        total_steps=whole(state.get("total_steps")),
        loss=decimal(state.get("loss")),
        best_loss=decimal(state.get("best_loss")),
        losses=tuple(v for loss in losses if (v := decimal(loss)) is not None)
        if isinstance(losses, list)
        else (),
        verdict=text(state.get("verdict")),
        severity=whole(state.get("severity")) or 1,
        reason=text(state.get("reason")),
    )


def eta_seconds(history: History) -> float | None:
    """Remaining steps at the pace of the last 50, and remaining evaluations at the mean of those so far."""
    total = whole(history.plan.get("total_steps"))
    train = history.train
    seconds = [value for value in train.seconds[-ETA_STEPS:] if math.isfinite(value)]
    if not total or not seconds:
        return None
    left = max(0, total - int(train.step[-1]))
    eta = left * sum(seconds) / len(seconds)
    interval = whole(history.plan.get("eval_steps"))
    if interval and history.eval_count:
        sets = max(1, len(history.evals))
        eta += -(-left // interval) * sets * history.eval_seconds / history.eval_count
    return eta


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


def text(value: Any) -> str:
    """Text from a file, safe to show; empty for anything else."""
    return console.clean(value) if isinstance(value, str) else ""
