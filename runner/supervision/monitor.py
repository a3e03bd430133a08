"""What the supervisor knows of its run: events folded, judged, told to people, and written to state.json."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Mapping, Set
from dataclasses import replace
from typing import Any

from runner.config import AlertSettings, ConfigError, load_config
from runner.insight.curves import Curves, Liveness, MemoryPoint
from runner.insight.diagnosis import Severity, ThrottledDiagnosis, Verdict, diagnose
from runner.preset.errors import PresetError
from runner.preset.files import load_frozen
from runner.store import directory, processes, requests
from runner.store.directory import RunDirectory
from runner.store.event_tail import EventTail
from runner.store.events import EventLog, Phase
from runner.store.history import History, fold_all
from runner.store.requests import Request
from runner.store.summary import summarise
from runner.supervision import stalls
from runner.supervision.alerts import ALL_SECONDS, AlertBook, send

# How often a run without news is judged again: only that tells a stall.
QUIET_SECONDS = 5.0
# A stalled trainer obeys no request, and memory or a schedule are for a person to judge.
NOT_BY_CURVES = {"off-schedule", "memory-short", "stalled"}
# So much more than the run's own is others'. A CUDA context takes up to that, which torch does not count.
OTHERS_MIB = 1024
STOP_FROM = {"critical": Severity.CRITICAL, "warning": Severity.WARNING}


class RunMonitor:
    """One run as seen by its supervisor. `update` is called about once a second."""

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self.history = History()
        self._tail = EventTail(run.events)
        self._judge = ThrottledDiagnosis()
        self._alerts = AlertBook(run.id)
        # Alerts on their way.
        self._telling: list[threading.Thread] = []
        self._settings = self._load_settings()
        self._stop_from = self._load_auto_stop()
        self._summary: dict[str, Any] = {}
        # Whether state.json does not say yet what is known: a full disk does not take it.
        self.is_behind = True
        self._judged_at = 0.0
        self._stopping = False
        # Of a stall: when it began, and what is known of why.
        self._silent_since = 0.0
        self._where = ""
        self._is_shared = False
        self._signs: tuple[object, ...] = ()
        self._heard_at = 0.0
        self._take_in_the_past()

    def _take_in_the_past(self) -> None:
        """What a run that goes on has behind it is no news: it is not told again, nothing is stopped for it."""
        if fold_all(self.history, self._tail):
            verdict = diagnose(self.history.curves())
            self._alerts.new(verdict, self.history.phase, "", self.history.step)

    def _load_settings(self) -> AlertSettings:
        try:
            return load_config(self.run.home).alerts
        except ConfigError as error:
            self.warn("config", str(error))
            return AlertSettings()

    def _load_auto_stop(self) -> Severity | None:
        try:
            return STOP_FROM.get(load_frozen(self.run.preset).eval.auto_stop)
        except (PresetError, OSError):
            # The trainer will say what is wrong with it.
            return None

    def warn(self, name: str, message: str) -> None:
        """Write a warning event. A disk that does not take it must not end the supervision."""
        with contextlib.suppress(OSError):
            log = EventLog(self.run)
            log.append("warning", id=name, message=message)
            log.close()

    def move(self, run: RunDirectory) -> None:
        """The run's directory has another name from now on."""
        self.run, self._tail.path = run, run.events

    def wait_for_alerts(self) -> None:
        """Let what is on its way be told; that takes seconds at most (alerts.ALL_SECONDS)."""
        for thread in self._telling:
            thread.join(ALL_SECONDS)

    def update(self, sample: dict[str, Any], pids: dict[str, int], final: bool = False) -> None:
        """Take new events in, judge, tell, and replace state.json when something changed."""
        news = fold_all(self.history, self._tail)
        curves = self._curves(sample)
        now = time.monotonic()
        if news or now - self._judged_at > QUIET_SECONDS:
            self._judge.note()
        judged = self._judge.judge(curves, urgent=final)
        if judged:
            self._judged_at = now
            self._look_into_silence(curves, pids.get("trainer_pid", 0))
            self._act(self._judge.verdict)
        self.is_behind = self.is_behind or bool(news) or judged
        if self.is_behind:
            self._write(pids)

    def _look_into_silence(self, curves: Curves, pid: int) -> None:
        """Find out once why a trainer is silent, and judge with that."""
        if not any(finding.id == "stalled" for finding in self._judge.verdict.findings):
            self._silent_since, self._where = 0.0, ""
        elif not self._silent_since and curves.liveness is not None:
            self._silent_since = time.time() - curves.liveness.silent_seconds
            self._where = stalls.why_silent(pid, self.run.path)
            if self._where:
                self._judge.note()
                self._judge.judge(
                    replace(curves, liveness=replace(curves.liveness, where=self._where)), urgent=True
                )

    def _curves(self, sample: dict[str, Any]) -> Curves:
        curves = self.history.curves()
        if self.history.phase is not Phase.TRAINING and self.history.phase is not Phase.EVALUATING:
            return curves
        gpu = sample.get("gpu")
        busy = sample.get("trainer_cpu_percent")
        memory = curves.memory
        self._is_shared = False
        if isinstance(gpu, dict):
            busy, self._is_shared = _use(
                gpu, busy, next((p.reserved for p in reversed(memory) if p.reserved), None)
            )
            free, used = gpu.get("free_mib"), gpu.get("used_mib")
            if isinstance(free, int) and isinstance(used, int):
                memory = (*memory, MemoryPoint(curves.step, None, float(free), float(free + used)))
        return replace(
            curves,
            memory=memory,
            liveness=Liveness(self._silence(), busy, where=self._where, is_shared=self._is_shared),
        )

    def _silence(self) -> float:
        """For how many seconds the trainer wrote nothing."""
        history, sign = self.history, self._last_sign()
        signs = (history.step, history.phase, history.eval_count, sign)
        if signs != self._signs:
            self._signs, self._heard_at = signs, time.monotonic()
        since = time.time() - sign
        # In the future it lies when the clock was put back; then the time since we saw it change counts.
        return since if since >= 0 else time.monotonic() - self._heard_at

    def _last_sign(self) -> float:
        """When the trainer last wrote an event, or anything to its console."""
        try:
            printed = self.run.console.stat().st_mtime
        except OSError:
            printed = 0.0
        return max(self.history.last_time, printed)

    def _act(self, verdict: Verdict) -> None:
        reason = str(self.history.end.get("reason") or self.history.error.get("message") or "")
        alerts = self._alerts.new(verdict, self.history.phase, reason, self.history.step)
        for alert in alerts:
            self._telling += send(alert, self._settings, lambda message: self.warn("alert", message))
        self._stop_if_wanted(verdict, {alert.finding for alert in alerts})

    def _stop_if_wanted(self, verdict: Verdict, new: Set[str]) -> None:
        found = [f for f in verdict.findings if f.id in new and f.id not in NOT_BY_CURVES]
        grave = next((f for f in found if self._stop_from and f.severity >= self._stop_from), None)
        if grave is None or self._stopping or self.history.phase.is_over:
            return
        self._stopping = True
        reason = f"{grave.reason} (eval.auto_stop)"
        try:
            requests.ask(self.run, Request.STOP, reason)
        except OSError as error:
            self.warn("auto-stop", f"It could not be stopped for {reason}: {error}")

    def _write(self, pids: dict[str, int]) -> None:
        summary = summarise(self.history, self._judge.verdict)
        if self._silent_since:
            summary |= {"silent_since": int(self._silent_since), "silent_because": self._where}
            if self._is_shared:
                summary["silent_shared"] = True
        if summary == self._summary and self.run.state.exists():
            self.is_behind = False
            return
        try:
            directory.write_json(
                self.run.state, {**summary, **pids, "supervisor_pid": os.getpid(), **processes.written_by()}
            )
        except OSError:
            # A full disk must not end the supervision; the next second may be better.
            return
        self._summary, self.is_behind = summary, False


def _use(gpu: Mapping[str, Any], cpu: Any, reserved: float | None) -> tuple[Any, bool]:
    """Percent of the GPU that the run uses, or of the CPU where that cannot be told, and whether that is because others
    use the GPU too. `reserved` is what torch holds of it in MiB, for where the driver hides processes.
    """
    own, whole = gpu.get("own_utilisation_percent"), gpu.get("utilisation_percent")
    if isinstance(own, int):
        return own, False
    if whole is None:
        # Slices of a card (MIG) do not tell their use.
        return cpu, False
    used, mine = gpu.get("used_mib"), gpu.get("own_mib")
    if not isinstance(mine, int):
        mine = None if reserved is None else reserved + OTHERS_MIB
    is_shared = (
        isinstance(used, int) and mine is not None and not gpu.get("shares_ram") and used - mine >= OTHERS_MIB
    )
    is_shared = is_shared or gpu.get("is_alone") is False
    return (cpu, True) if is_shared else (whole, False)
