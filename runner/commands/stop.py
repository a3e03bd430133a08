"""Stopping a run: it is asked to end, or taken out of the queue; and what was to end at once is seen to have ended."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from enum import StrEnum

from runner.commands.own import ensure_own
from runner.queue import tickets
from runner.store import life, processes, requests, summary
from runner.store.directory import RunDirectory
from runner.store.life import Life, Role
from runner.supervision.reattach import reattach, trainer_pid

# A supervisor looks for requests five times a second.
ANSWER_SECONDS = 3.0
POLL_SECONDS = 0.05


class Stop(StrEnum):
    """What came of it, in words that follow the run's name."""

    OVER = "is over already"
    FINISHES_STEP = "finishes its step, writes a checkpoint and ends."
    ASKED = "was asked to stop; it runs where this machine cannot see whether it does."
    ENDS_NOW = "ends now; steps after its last checkpoint are lost."
    ENDED_DIRECTLY = (
        "has ended: its supervisor did not answer, so its trainer was killed; later steps are lost."
    )
    DOES_NOT_END = "was killed and has not ended: a disk or the GPU's driver does not let it go."
    CANNOT_TELL = "was asked to end at once; it runs where this machine cannot see whether it does."
    TAKEN_OUT = "is taken out of the queue."


def stop(run: RunDirectory, now: bool = False) -> Stop:
    """Ask a run to stop; asked again after two seconds, or `now`, it ends at once. One that waits is taken out of the
    queue, also one that no process waits for. Takes seconds when it is to end at once and does not. Raises LaunchError
    when it is no run of ftui's, QueueError when it has just started, or OSError when its directory cannot be written.
    """
    ensure_own(run)
    if tickets.is_queued(run):
        tickets.remove(run.home, run)
        return Stop.TAKEN_OUT
    if summary.phase_of(summary.read_state(run)).is_over:
        return Stop.OVER
    # A trainer without a supervisor could not be ended at once.
    reattach(run)
    if requests.stop(run, now):
        return _seen_to_end(run)
    return Stop.FINISHES_STEP if life.of_run(run).life is Life.ALIVE else Stop.ASKED


def _seen_to_end(run: RunDirectory) -> Stop:
    """Its supervisor kills the trainer. Where it does not, being stopped itself or hung, this process does."""
    if _ends(run):
        return Stop.ENDS_NOW
    for worker in _workers(run):
        if worker.is_supervisor and processes.is_stopped(worker.pid):
            _signal(worker.pid, signal.SIGCONT)
    if _ends(run):
        return Stop.ENDS_NOW
    pid = trainer_pid(run)
    if not pid:
        return Stop.CANNOT_TELL if life.of(run, Role.TRAINER).may_live else Stop.ENDS_NOW
    try:
        os.killpg(pid, signal.SIGKILL)
    except PermissionError:
        return Stop.CANNOT_TELL
    except ProcessLookupError:
        pass
    return Stop.ENDED_DIRECTLY if _ends(run) else Stop.DOES_NOT_END


def _workers(run: RunDirectory) -> list[processes.Worker]:
    try:
        return processes.workers_on(run.path)
    except OSError:
        return []


def _ends(run: RunDirectory) -> bool:
    """Whether its trainer is gone within a few seconds."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while (sign := life.of(run, Role.TRAINER)).may_live:
        if time.monotonic() > deadline or sign.life is Life.UNKNOWN:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
