"""Judging a run that goes on, without spending more time on it than it is worth."""

from __future__ import annotations

import time

from runner.insight.curves import Curves
from runner.insight.diagnosis.finding import Severity
from runner.insight.diagnosis.verdict import Verdict, VerdictKind, diagnose

# A judgement may use a thirtieth of a core; of a million steps it takes a third of a second.
PAUSE = 30.0

UNKNOWN = Verdict(VerdictKind.TOO_EARLY, Severity.INFO, "Nothing has happened yet.")


class Judge:
    """The newest judgement of growing curves. What cannot be afforded now is made up for at a later call."""

    def __init__(self, least_seconds: float = 0.0) -> None:
        """Judgements that are not urgent are at least so far apart."""
        self._least = least_seconds
        self.verdict = UNKNOWN
        self._next = 0.0
        self._stale = False

    def note(self) -> None:
        """There is something new to judge."""
        self._stale = True

    def judge(self, curves: Curves, urgent: bool = False) -> bool:
        """Judge if there is something new and it is time to (`urgent`: at once); returns whether it did."""
        now = time.monotonic()
        if not self._stale or (now < self._next and not urgent):
            return False
        self.verdict = diagnose(curves)
        self._next = now + max(self._least, PAUSE * (time.monotonic() - now))
        self._stale = False
        return True
