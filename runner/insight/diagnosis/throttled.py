"""Judging a run that goes on: without spending more time on it than it is worth, and without changing one's mind at
every step.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from runner.insight.curves import Curves
from runner.insight.diagnosis.finding import Severity
from runner.insight.diagnosis.verdict import Verdict, VerdictKind, diagnose

# A judgement may use a thirtieth of a core; of a million steps it takes a third of a second.
PAUSE = 30.0
# What is no graver than what was said before replaces it once it has held for so long.
LASTING_EVALUATIONS = 2
LASTING_SHARE = 0.10
# What holds only as long as it is seen, or is no opinion.
AT_ONCE = {
    VerdictKind.TOO_EARLY,
    VerdictKind.NO_EVALUATION,
    VerdictKind.STALLED,
    VerdictKind.NON_FINITE,
    VerdictKind.NOTHING_TRAINED,
}

UNKNOWN = Verdict(VerdictKind.TOO_EARLY, Severity.INFO, "Nothing has happened yet.")


@dataclass(frozen=True)
class _Moment:
    """How far a run is: its last step and the number of its evaluations."""

    step: int
    evaluations: int

    @classmethod
    def of(cls, curves: Curves) -> _Moment:
        last = max([curves.step, *(points[-1].step for points in curves.evals.values() if points)])
        return cls(last, max([0, *(len(points) for points in curves.evals.values())]))

    def is_long_after(self, other: _Moment) -> bool:
        later = self.evaluations - other.evaluations >= LASTING_EVALUATIONS
        return later or self.step - other.step >= max(1.0, LASTING_SHARE * other.step)


class ThrottledDiagnosis:
    """The newest judgement of growing curves. What cannot be afforded now is made up for at a later call."""

    def __init__(self, least_seconds: float = 0.0) -> None:
        """Judgements that are not urgent are at least so far apart."""
        self._least = least_seconds
        self.verdict = UNKNOWN
        self._next = 0.0
        self._stale = False
        self._last = _Moment(0, 0)
        # Another opinion than `verdict`, and since when it is held.
        self._other: tuple[VerdictKind, _Moment] | None = None

    def note(self) -> None:
        """There is something new to judge."""
        self._stale = True

    def judge(self, curves: Curves, urgent: bool = False) -> bool:
        """Judge if there is something new and it is time to (`urgent`: at once); returns whether it did."""
        now = time.monotonic()
        if not self._stale or (now < self._next and not urgent):
            return False
        self.take(diagnose(curves), curves)
        self._next = now + max(self._least, PAUSE * (time.monotonic() - now))
        self._stale = False
        return True

    def take(self, new: Verdict, curves: Curves) -> None:
        """Take a judgement of these curves over, or wait whether it lasts: what is graver counts at once, a held-out
        loss that is up among it, and so does everything of a run that is over or begins again.
        """
        moment, old = _Moment.of(curves), self.verdict
        settled = (
            curves.is_over
            or moment.step < self._last.step
            or new.kind is old.kind
            or new.severity > old.severity
            or new.kind is VerdictKind.RISING
            or old.kind in AT_ONCE
        )
        self._last = moment
        if not settled:
            if self._other is None or self._other[0] is not new.kind:
                self._other = (new.kind, moment)
            settled = moment.is_long_after(self._other[1])
        if settled:
            self.verdict, self._other = new, None
