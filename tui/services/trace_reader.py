"""Follows a run of another trainer as its trace grows."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from runner.foreign.trace import Trace
from runner.insight.curves import Curves
from runner.insight.diagnosis import ThrottledDiagnosis
from runner.store.eta import eta_seconds
from runner.store.events import Phase
from runner.store.history import History
from tui.models.run_view import RunView, age
from tui.services.run_reader import JUDGE_SECONDS, STATE_SECONDS


class TraceReader:
    """Reads a run that was started elsewhere. One whose trace does not grow any more is lost, until it grows."""

    def __init__(self, trace: Trace, identity: str | None = None) -> None:
        """`identity` is what it is listed by: the trace itself may be found further down."""
        self._trace = trace
        self._identity = identity or str(trace.path)
        self._restarts = trace.restarts
        self._history = History()
        self._judge = ThrottledDiagnosis(JUDGE_SECONDS)
        self._silent: float | None = None
        self._silence_due = 0.0
        self._is_shown = False

    @property
    def path(self) -> Path:
        """What is read."""
        return self._trace.path

    @property
    def others(self) -> tuple[str, ...]:
        """Runs in the same place that are not read."""
        return self._trace.others

    def poll(self) -> RunView | None:
        """Take in what is new."""
        batch = self._trace.poll()
        if self._trace.restarts != self._restarts:
            self._restarts = self._trace.restarts
            self._history, self._judge = History(), ThrottledDiagnosis(JUDGE_SECONDS)
        for event in batch:
            self._history.fold(event)
        was_silent = self._silent is not None
        self._look_at_the_time(bool(batch))
        is_lost = self._silent is not None
        if batch or is_lost != was_silent:
            self._judge.note()
        curves = self._curves(is_lost)
        said = any(not isinstance(event, dict) or event.get("type") != "step" for event in batch)
        judged = self._judge.judge(curves, urgent=said or is_lost or self._history.phase.is_over)
        # What is waited for is shown too, before anything is there.
        is_news = bool(batch) or judged or is_lost != was_silent or not self._is_shown
        self._is_shown = True
        return self._view(curves, is_lost) if is_news else None

    def _look_at_the_time(self, has_news: bool) -> None:
        now = time.monotonic()
        # What is there is read to its end first.
        if not self._trace.is_busy and (has_news or now >= self._silence_due):
            self._silence_due = now + STATE_SECONDS
            self._silent = self._trace.silence(time.time(), self._history)

    def _curves(self, is_lost: bool) -> Curves:
        curves = self._history.curves()
        return replace(curves, is_over=True) if is_lost else curves

    def _view(self, curves: Curves, is_lost: bool) -> RunView:
        history = self._history
        phase = Phase.LOST if is_lost else history.phase
        return RunView(
            id=self._identity,
            path=str(self._trace.path),
            title=self._trace.name,
            phase=phase,
            reason=f"nothing was written for {age(self._silent or 0.0)}" if is_lost else "",
            curves=curves,
            verdict=self._judge.verdict,
            plan=history.plan,
            eta_seconds=None if phase.is_over else eta_seconds(history),
            bad_lines=self._trace.bad_lines + history.bad_events,
            is_foreign=True,
            kind=self._trace.kind,
        )

    def close(self) -> None:
        """The last poll was made."""
        self._trace.close()
