"""Follows runs as they grow: every look gives the newest view, or None when nothing changed. No textual here."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from runner.insight.curves import Curves, Liveness, MemoryPoint
from runner.insight.diagnosis import UNKNOWN, ThrottledDiagnosis
from runner.store import console, summary
from runner.store.directory import RunDirectory, read_json
from runner.store.eta import eta_seconds
from runner.store.event_tail import EventTail
from runner.store.events import Phase
from runner.store.history import History, whole
from runner.store.jsonl import LineTail, Record
from runner.supervision.exit_causes import way_on
from tui.models.run_view import RunRow, RunView, decimal, figures, name_of, text

if TYPE_CHECKING:
    from runner.store.prefetch import Prefetch
    from tui.services.trace_reader import TraceReader

SERIES_POINTS = 240
# What of system.jsonl is read of a run that is already long.
SYSTEM_TAIL_BYTES = 256 * 1024
READ_BYTES = 4 << 20
STATE_SECONDS = 1.0
# Reading is no faster; judging at every look was a third of what following a fast run costs.
JUDGE_SECONDS = 1.0
# A longer run is shown before it is judged.
LONG = 50_000


@dataclass(frozen=True)
class RunSource:
    """What is to be looked at: a run of ftui's, or the path of one that was started elsewhere; one is set. `names` says
    which of that one's values are what, as pairs of ours and theirs.
    """

    run: RunDirectory | None = None
    path: Path | None = None
    names: tuple[tuple[str, str], ...] = ()
    prefetched: Prefetch | None = field(default=None, compare=False)

    @property
    def id(self) -> str:
        """The id of its row in a list."""
        return self.run.id if self.run is not None else str(self.path)

    @property
    def place(self) -> RunDirectory | Path:
        """The one that is set."""
        if self.run is not None:
            return self.run
        assert self.path is not None
        return self.path

    def follower(self) -> RunDirectoryReader | TraceReader:
        """A reader of it. Raises TraceError when there is nothing to read."""
        if self.run is not None:
            return RunDirectoryReader(self.run, prefetched=self.prefetched)
        from runner.foreign.opening import open_trace
        from tui.services.trace_reader import TraceReader

        assert self.path is not None
        return TraceReader(open_trace(self.path, names=dict(self.names)), self.id)


class RunReader(Protocol):
    """Reads a run as it grows."""

    def poll(self) -> RunView | None:
        """The newest view; None when nothing changed."""

    def close(self) -> None:
        """Polling has ended."""


class RunDirectoryReader:
    """Reads a run directory as it grows."""

    def __init__(
        self, run: RunDirectory, console_lines: int = 200, prefetched: Prefetch | None = None
    ) -> None:
        self.run = run
        self._console_lines = console_lines
        self._prefetched = prefetched
        self._forget()

    def _forget(self) -> None:
        self._events = EventTail(self.run.events)
        self._system = LineTail(self.run.system, SYSTEM_TAIL_BYTES)
        self._history = History()
        self._record: Record = {}
        self._sample: Record = {}
        self._series: dict[str, deque[float]] = {}
        self._state: Record = {}
        self._state_due = 0.0
        self._console_size = -1
        self._console: tuple[str, ...] = ()
        self._judge = ThrottledDiagnosis(JUDGE_SECONDS)
        self._over: tuple[Phase, object] = (Phase.STARTING, None)
        self._words_on = ""

    def poll(self) -> RunView | None:
        """Take in what is new."""
        urgent = False
        changed = self._take_prefetched()
        self._history.expect(self._events.left())
        while True:
            batch = self._events.batch(READ_BYTES)
            if self._events.restarts:
                # The file was replaced or cut: nothing folded from it holds any more.
                self._forget()
                return self.poll()
            for event in batch:
                self._history.fold(event)
                urgent = urgent or isinstance(event, dict)
            changed = changed or bool(batch)
            if not self._events.has_more:
                break
        samples = self._system.read_all()
        for sample in samples:
            self._take_sample(sample)
        self._record = self._record or read_json(self.run.run)
        state = self._read_state()
        printed = self._read_console()
        seen = changed or bool(samples) or state != self._state or printed
        # Told by the supervisor, or no longer.
        silence = state.get("silent_since") != self._state.get("silent_since")
        self._state = state
        curves = self._curves()
        if changed or silence:
            self._judge.note()
        # The end of what a dead run left is judged whole.
        urgent = urgent or summary.phase_of(state).is_over
        first = changed and len(curves.train) > LONG and self._judge.verdict is UNKNOWN
        judged = not first and self._judge.judge(curves, urgent)
        return self._view(curves) if seen or judged else None

    def _take_prefetched(self) -> bool:
        """Whether reading had begun before; waits for it."""
        taken = self._prefetched.take() if self._prefetched is not None else None
        self._prefetched = None
        if taken is not None:
            self._events, self._history = taken
        return taken is not None

    def close(self) -> None:
        """Polling has ended; nothing is kept open."""

    def _curves(self) -> Curves:
        curves = self._history.curves()
        # Only the supervisor sees the trainer's process.
        if since := decimal(self._state.get("silent_since")):
            why = text(self._state.get("silent_because"))
            shared = self._state.get("silent_shared") is True
            silence = Liveness(time.time() - since, 0.0, where=why, is_shared=shared)
            curves = replace(curves, liveness=silence)
        gpu = self._sample.get("gpu")
        if not isinstance(gpu, dict) or decimal(gpu.get("free_mib")) is None or curves.is_over:
            return curves
        free, used = decimal(gpu.get("free_mib")) or 0.0, decimal(gpu.get("used_mib")) or 0.0
        return replace(curves, memory=(*curves.memory, MemoryPoint(curves.step, None, free, free + used)))

    def _read_state(self) -> Record:
        """state.json, and whether a process of it lives: a file and two locks, which are not looked at more often than
        they can matter.
        """
        now = time.monotonic()
        if now >= self._state_due:
            self._state_due = now + STATE_SECONDS
            return summary.read_state(self.run)
        return self._state

    def _take_sample(self, sample: Record) -> None:
        self._sample = sample
        for name, value in figures(sample).items():
            self._series.setdefault(name, deque(maxlen=SERIES_POINTS)).append(value)

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

    def _view(self, curves: Curves) -> RunView:
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
            reason=text(self._reason(phase)),
            hint=text(history.error.get("hint")),
            way_on=self._way_on(phase),
            curves=curves,
            verdict=self._judge.verdict,
            plan=history.plan,
            record=self._record,
            system=self._sample,
            memory=history.memory,
            series={name: tuple(values) for name, values in self._series.items()},
            samples=tuple(history.samples),
            console=self._console,
            warnings=tuple(text(warning.get("message")) for warning in history.warnings),
            eta_seconds=None if phase.is_over else eta_seconds(history),
            saved=text(history.end.get("saved")),
            bad_lines=self._events.bad_lines + history.bad_events,
        )

    def _reason(self, phase: Phase) -> object:
        # An error from before is not why a run is lost.
        error = self._history.error.get("message") if phase is not Phase.LOST else ""
        return self._history.end.get("reason") or error or self._state.get("reason")

    def _way_on(self, phase: Phase) -> str:
        """Looks at the disk, so only when the run changed its state."""
        if self._over != (phase, self._state.get("updated_at")):
            self._over = (phase, self._state.get("updated_at"))
            try:
                self._words_on = way_on(self.run, phase)
            except OSError as error:
                self._words_on = f"{error.filename}: {error.strerror}. It cannot go on from there."
        return self._words_on


def read_view(run: RunDirectory) -> RunView:
    """A run as it is on disk now, judged."""
    follower = RunDirectoryReader(run)
    view = follower.poll()
    return follower.poll() or view or RunView(id=run.id, path=str(run.path))


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
        answers=text(state.get("answers")),
        reason=text(state.get("reason")),
        place=whole(state.get("place")) or 0,
    )
