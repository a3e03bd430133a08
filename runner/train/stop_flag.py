"""SIGTERM and requests to stop: the first finishes the step and saves, the second ends at once. Between two steps
callback.py asks for them.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

from runner.store import requests
from runner.store.directory import RunDirectory
from runner.store.events import EventLog, Phase
from runner.store.requests import Request


class StoppedEarly(Exception):  # noqa: N818 - it is no error
    """Asked to stop before training began: there is nothing to save."""


class StopFlag:
    """Whether the run was asked to stop."""

    def __init__(self, run: RunDirectory, log: EventLog) -> None:
        self._run = run
        self._log = log
        self.requested = False
        self.reason = ""

    def listen(self) -> None:
        """Take SIGTERM and SIGINT; SIGHUP is ignored, because terminals close."""
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._signalled)

    def request(self, reason: str = "") -> None:
        self.requested = True
        self.reason = self.reason or reason

    def words(self, step: int) -> str:
        """'stopped after step 300: overfitting since step 200'; empty for a run that was not stopped."""
        if not self.requested:
            return ""
        return f"stopped after step {step}" + (f": {self.reason}" if self.reason else "")

    def check(self) -> None:
        """Between two phases, when there is no step to finish: raises StoppedEarly if asked to stop."""
        if self.requested or Request.STOP in requests.take(self._run):
            raise StoppedEarly

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            self._log.phase(Phase.STOPPED)
            self._log.append("end", status="stopped", reason="stopped at once by a second signal")
            os._exit(128 + number)
        self.requested = True
