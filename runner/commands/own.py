"""What may be acted on: runs of ftui. What another trainer left is read and never written to."""

from __future__ import annotations

from runner.store import life, summary
from runner.store.directory import RunDirectory
from runner.store.errors import LaunchError
from runner.supervision.startable import ensure_ours


def ensure_own(run: RunDirectory) -> None:
    """Raises LaunchError for a folder that is no run of ftui's, or not the user's alone."""
    if not run.run.is_file() and not run.events.is_file():
        raise LaunchError(f"{run.path} is not a run of ftui's: it is read, and nothing is written there.")
    ensure_ours(run)


def ensure_alive(run: RunDirectory) -> None:
    """Raises LaunchError for a run of which no process lives."""
    ensure_own(run)
    if not life.is_alive(run):
        phase = summary.phase_of(summary.read_state(run)).value
        raise LaunchError(f"{run.id} is not running ({phase}), so there is nothing to ask of it.")
