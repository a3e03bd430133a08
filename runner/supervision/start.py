"""Starting the supervisor of a run: a process that needs no parent any more."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading

from runner.queue import tickets
from runner.store import directory, life, locks, processes, requests
from runner.store.directory import RunDirectory
from runner.store.events import EventLog, Phase
from runner.store.life import Role
from runner.supervision import command_line, startable
from runner.supervision.environment import anchored
from runner.supervision.trainer_process import say
from runner.supervision.warm import WarmStart

# In place of a checkpoint: the trainer lives, and is to be watched over.
REATTACH = "--reattach"


def start_supervisor(
    run: RunDirectory,
    checkpoint: str = "",
    warm: WarmStart | None = None,
    lock: int | None = None,
    trusts_code: bool = False,
) -> None:
    """Start the supervisor of a run in a session of its own; with a checkpoint's name the run goes on from it. A spare
    one takes it over where there is one and the run need not wait. `lock` is the run's, where the caller has taken it;
    with `trusts_code` the user has agreed to the code that it lets run. Raises LaunchError when the run has a
    supervisor already, or is none that may be started, RemoteCodeError when the user has to be asked; and OSError.
    """
    try:
        startable.ensure_startable(run, trusts_code or checkpoint == REATTACH)
        lock = life.take(run, Role.SUPERVISOR) if lock is None else lock
        if checkpoint != REATTACH:
            life.ensure_no_trainer(run)
            requests.forget(run)
        if checkpoint not in ("", REATTACH):
            _begin_again(run)
        with directory.open_console(run) as console:
            if warm is not None and checkpoint != REATTACH and not tickets.is_queued(run):
                why_cold = warm.start(run, checkpoint, console.fileno(), lock)
                if not why_cold:
                    return
                say(run, why_cold)
            supervisor = subprocess.Popen(
                command_line.of("runner.supervision", run.path, lock, checkpoint),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
                # The lock goes to the supervisor without a gap in which the run would look dead.
                pass_fds=(lock,),
                cwd=run.path,
                env=anchored(os.environ),
            )
    finally:
        if lock is not None:
            locks.release(lock)
    # While this process lives, it is the supervisor's parent: it has to take its exit code.
    with contextlib.suppress(RuntimeError):
        # Where no thread can be started the run goes on all the same, and init takes the code.
        threading.Thread(target=supervisor.wait, name=f"reap {run.id}", daemon=True).start()


def _begin_again(run: RunDirectory) -> None:
    """How it ended is not how it stands any more, also while its model is still being loaded. Raises OSError."""
    log = EventLog(run)
    log.phase(Phase.STARTING)
    log.close()
    state = {**directory.read_json(run.state), "phase": Phase.STARTING.value, "reason": ""}
    directory.write_json(run.state, {**state, **processes.written_by()})
