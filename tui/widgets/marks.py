"""The signs of how a run stands and of what it is said to be."""

from __future__ import annotations

from runner.insight.diagnosis import Severity, is_remark
from runner.store.events import Phase
from tui.colours import BAD, GOOD, LIVE, NOTE, QUIET
from tui.glyphs import glyphs
from tui.models.run_view import RunRow


def phase_mark(phase: Phase) -> tuple[str, str]:
    """The sign and style of a phase."""
    marks = glyphs()
    return {
        Phase.FINISHED: (marks.finished, GOOD),
        Phase.STOPPED: (marks.stopped, NOTE),
        Phase.FAILED: (marks.failed, BAD),
        Phase.LOST: (marks.failed, BAD),
        Phase.QUEUED: (marks.queued, QUIET),
        Phase.STARTING: (marks.queued, LIVE),
    }.get(phase, (marks.running, LIVE))


def verdict_mark(row: RunRow) -> tuple[str, str]:
    """The sign and style of what a run is said to be: an alarm, a remark, or nothing to tell."""
    if row.severity >= Severity.WARNING:
        return glyphs().up, BAD if row.severity >= Severity.CRITICAL else NOTE
    return (glyphs().remark, LIVE) if is_remark(row.verdict) else ("", "dim")
