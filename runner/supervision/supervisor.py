"""Watches over one run for its life. Small on purpose (no torch).

It starts the trainer, samples GPU and host once a second, folds the trainer's events into state.json, obeys `stop-now`,
and writes the end the trainer could not write itself.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from runner import gpu
from runner.queue import lease
from runner.store import console, directory, disk_usage, locks, requests
from runner.store.checkpoints import newest_unharmed
from runner.store.directory import RunDirectory
from runner.store.events import EventLog, Phase
from runner.store.jsonl import LAST_WORDS_SECONDS, LineWriter, Record
from runner.store.requests import Request
from runner.supervision import crashes, exit_causes, replan, trainer_process
from runner.supervision.gpu_health import GpuHealth
from runner.supervision.monitor import RunMonitor
from runner.supervision.reattach import ReattachedTrainer
from runner.supervision.spare_trainer import SpareTrainer
from runner.supervision.start import REATTACH
from runner.supervision.system_sample import system_sample

POLL_SECONDS = 0.2
SAMPLE_SECONDS = 1.0
REPORT_SECONDS = 60.0
NOT_STARTED_CODE = 1


class Supervisor:
    """One run, from the start of its trainer to its end."""

    def __init__(
        self,
        run: RunDirectory,
        checkpoint: str = "",
        leased: int | None = None,
        spare: SpareTrainer | None = None,
        lock: int | None = None,
    ) -> None:
        """`lock` and `leased` are descriptors: of the run's lock, and of its GPU's lease where it has one already."""
        self.run = run
        self._lock = lock
        self._place = run.path.stat()
        self._spare = spare
        self._lease = leased
        self._reattaches = checkpoint == REATTACH
        self._checkpoint = "" if self._reattaches else checkpoint
        self.record = directory.read_json(run.run)
        self._watch = RunMonitor(run)
        self._gpu = GpuHealth(self.record, self._watch.warn)
        self._sample: dict[str, Any] = {}
        self._trainer: subprocess.Popen[bytes] | ReattachedTrainer | None = None
        self._stopped_now = False
        self._not_started = ""
        self._kills_before = exit_causes.memory_kills()

    def supervise(self) -> int:
        """Run the trainer to its end; returns the trainer's exit code."""
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._forward)
        signal.signal(signal.SIGINT, self._forward)
        with LineWriter(self.run.system) as system:
            code = self._follow_trainer(system)
            while code == replan.EXIT_CODE and not self._stopped_now:
                # Out of memory, and planned again: it goes on from what is whole on disk.
                last, _ = newest_unharmed(self.run)
                self._checkpoint = last.path.name if last is not None else ""
                code = self._follow_trainer(system)
        # The GPU is free from here on, whatever is still to be said.
        _give_back(self._lease)
        self._lease = None
        self._finish(code)
        # And the run is over: what follows may take its time, and keeps nothing from going on with it.
        _give_back(self._lock)
        self._lock = None
        self._report()
        self._watch.wait_for_alerts()
        return code

    def _follow_trainer(self, system: LineWriter) -> int:
        """Start the trainer and watch it to its end; returns its exit code."""
        if self._lease is None:
            # For a reattached trainer too: after running out of memory it is started again, and keeps its place.
            self._lease = self._share_gpu()
        reattaches, self._reattaches = self._reattaches, False
        # Once: after running out of memory it is started anew.
        spare, self._spare = self._spare, None
        try:
            started = (
                None
                if reattaches
                else trainer_process.start(self.run, self.record, self._checkpoint, self._lease, spare)
            )
        except OSError as error:
            self._trainer = None
            self._not_started = f"its trainer could not be started: {error}"
            return NOT_STARTED_CODE
        self._trainer = started or ReattachedTrainer(self.run)
        next_sample = 0.0
        while (code := self._trainer.poll()) is None:
            self._obey()
            if time.monotonic() >= next_sample:
                next_sample = time.monotonic() + SAMPLE_SECONDS
                self._measure(system)
                self._update()
            time.sleep(POLL_SECONDS)
        return code

    def _share_gpu(self) -> int | None:
        """A run that did not wait for its turn shares its GPU; None when its lease cannot be had."""
        chosen = self.record.get("gpu")
        key = str(chosen.get("uuid")) if isinstance(chosen, dict) else gpu.CPU
        try:
            return lease.share(key, self.run)
        except OSError:
            return None

    def _measure(self, system: LineWriter) -> None:
        pid = self._trainer_pid
        self._sample = system_sample(pid, self._gpu.look(pid))
        try:
            system.append(self._sample)
        except OSError:
            # A full disk must not end the supervision; the next second may be better.
            return

    def _update(self, final: bool = False) -> None:
        self._follow_rename()
        self._watch.update(self._sample, {"trainer_pid": self._trainer_pid}, final)

    def _follow_rename(self) -> None:
        """The run's directory is where this process works, under whatever name: it may be renamed at any time."""
        try:
            here = Path().stat()
            is_at_its_path = self.run.path.is_dir() and os.path.samestat(self.run.path.stat(), here)
            if is_at_its_path or not os.path.samestat(here, self._place):
                return
            self.run = RunDirectory(Path.cwd())
        except OSError:
            # It was deleted, or cannot be reached for the moment.
            return
        self._watch.move(self.run)
        self._watch.warn("renamed", f"The run's directory was renamed; it is {self.run.path} now.")

    @property
    def _trainer_pid(self) -> int:
        """0 while it is not known."""
        return self._trainer.pid if self._trainer is not None else 0

    def _obey(self) -> None:
        if self._trainer_pid and requests.pending(self.run, Request.STOP_NOW):
            with contextlib.suppress(OSError):
                (self.run.requests / Request.STOP_NOW.value).unlink(missing_ok=True)
            self._stopped_now = True
            self._signal(signal.SIGKILL)

    def _forward(self, number: int, frame: FrameType | None) -> None:
        """The machine goes down or a signal ends us: let the trainer save, and wait for it."""
        self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        if not self._trainer_pid:
            return
        try:
            os.killpg(self._trainer_pid, number)
        except ProcessLookupError:
            return

    def _finish(self, code: int) -> None:
        """Write the end of a run whose trainer could not. A full disk is given some time to take it."""
        if code != 0 and not self._stopped_now:
            self._gpu.look_again(self._trainer_pid)
        self._update()
        unsaid = [] if self._watch.history.end else self._end(code)
        deadline = time.monotonic() + LAST_WORDS_SECONDS
        while True:
            unsaid = self._say(unsaid)
            self._update(final=True)
            is_told = not unsaid and not self._watch.is_behind
            if is_told or time.monotonic() > deadline or not self.run.path.is_dir():
                break
            time.sleep(SAMPLE_SECONDS)

    def _end(self, code: int) -> list[Record]:
        """The last events of a run whose trainer did not write them."""
        said = self._watch.history.phase
        error: list[Record] = []
        status, reason = Phase.FAILED, ""
        if said in (Phase.FINISHED, Phase.STOPPED):
            # It had done all and died over the last line.
            status = said
        elif self._stopped_now:
            status, reason = Phase.STOPPED, "stopped at once; steps after the last checkpoint are lost"
        else:
            reason, hint = self._cause(code)
            error = [{"type": "error", "class": "Died", "message": reason, "hint": hint}]
        end = {"type": "end", "status": status.value, "reason": reason, "exit_code": code}
        return [*error, {"type": "phase", "phase": status.value}, end]

    def _say(self, events: list[Record]) -> list[Record]:
        """Append events; returns those the disk did not take. People are told of these too."""
        left = list(events)
        if not left:
            return []
        try:
            log = EventLog(self.run)
            while left:
                log.append(left[0]["type"], **{key: left[0][key] for key in left[0] if key != "type"})
                left.pop(0)
            log.close()
        except OSError:
            for event in left:
                self._watch.history.fold(event)
        return left

    def _cause(self, code: int) -> tuple[str, str]:
        """What the trainer died of and what to do, from its exit code and the end of its console."""
        lines = console.last_lines(self.run.console, 40)
        if self._not_started:
            known = crashes.known(self._not_started)
            return self._not_started, known.hint if known is not None else ""
        crash = crashes.known_in(lines)
        if crash is None and disk_usage.free_bytes(self.run.path) == 0:
            # Its last words did not fit either.
            crash = crashes.DISK_FULL
        reason = exit_causes.cause_of(code, self._kills_before)
        if self._gpu.trouble:
            return f"The GPU failed: {self._gpu.trouble}. ({reason})", crashes.GPU_LOST.hint
        if crash is None or code == -signal.SIGKILL:
            return reason, " | ".join(lines[-5:])
        return f"{crashes.message_of(crash, ' '.join(lines))} ({reason})", crash.hint

    def _report(self) -> None:
        """Write report.md in a process of its own: whatever goes wrong in it must not touch the run."""
        try:
            subprocess.run(
                [sys.executable, "-P", "-m", "runner.report", str(self.run.path)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=REPORT_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return


def _give_back(descriptor: int | None) -> None:
    """Close this process's copy of a lock or a lease."""
    if descriptor is not None:
        locks.release(descriptor)
