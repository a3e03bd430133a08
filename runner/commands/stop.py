"""Stopping a run: it is asked to end, or taken out of the queue."""

from __future__ import annotations

from enum import StrEnum

from runner.commands.own import ensure_own
from runner.queue import tickets
from runner.store import requests, summary
from runner.store.directory import RunDirectory
from runner.supervision.reattach import reattach


class Stop(StrEnum):
    """What came of it, in words that follow the run's name."""

    OVER = "is over already"
    FINISHES_STEP = "finishes its step, writes a checkpoint and ends."
    ENDS_NOW = "ends now; steps after its last checkpoint are lost."
    TAKEN_OUT = "is taken out of the queue."


def stop(run: RunDirectory, now: bool = False) -> Stop:
    """Ask a run to stop; asked again after two seconds, or `now`, it ends at once. One that waits is taken out of the
    queue, also one that no process waits for. Raises LaunchError when it is no run of ftui's, QueueError when it has
    just started, or OSError when its directory cannot be written.
    """
    ensure_own(run)
    if tickets.is_queued(run):
        tickets.remove(run.home, run)
        return Stop.TAKEN_OUT
    if summary.phase_of(summary.read_state(run)).is_over:
        return Stop.OVER
    # A trainer without a supervisor could not be ended at once.
    reattach(run)
    return Stop.ENDS_NOW if requests.stop(run, now) else Stop.FINISHES_STEP
