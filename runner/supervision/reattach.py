"""A trainer whose supervisor died goes on by itself; a new supervisor can watch over it from then on."""

from __future__ import annotations

import os

from runner import safe_open
from runner.store import life, processes
from runner.store.directory import RunDirectory
from runner.store.errors import LaunchError
from runner.store.jsonl import parse_object
from runner.store.life import Role
from runner.supervision.start import REATTACH, start_supervisor

UNKNOWN_CODE = 255
TAIL_BYTES = 64 * 1024


class ReattachedTrainer:
    """Another process's child: alive as long as it holds its lock, or is there. Its exit code cannot be known."""

    def __init__(self, run: RunDirectory) -> None:
        self._run = run
        self.pid = trainer_pid(run)

    def poll(self) -> int | None:
        """None while it lives."""
        if life.of(self._run, Role.TRAINER).may_live:
            self.pid = self.pid or trainer_pid(self._run)
            return None
        from runner.supervision.replan import EXIT_CODE

        return EXIT_CODE if _last_type(self._run) == "replan" else UNKNOWN_CODE


def trainer_pid(run: RunDirectory) -> int:
    """The process that trains this run: the first of its session, also when only workers it forked are left. 0 when
    there is none that can be seen here.
    """
    try:
        trainer = next((one for one in processes.workers_on(run.path) if not one.is_supervisor), None)
        return 0 if trainer is None else os.getsid(trainer.pid)
    except OSError:
        return 0


def is_orphan(run: RunDirectory) -> bool:
    """Whether a trainer lives and no supervisor watches over it."""
    return life.of(run, Role.TRAINER) is life.ALIVE and not life.has_supervisor(run)


def reattach(run: RunDirectory) -> bool:
    """Start a supervisor for an orphan; False when it is none, or another process was quicker. Raises OSError."""
    if not is_orphan(run):
        return False
    try:
        start_supervisor(run, REATTACH)
    except LaunchError:
        return False
    return True


def _last_type(run: RunDirectory) -> str:
    """The type of the last whole event."""
    try:
        with safe_open.open_binary(run.events) as stream:
            stream.seek(max(0, stream.seek(0, 2) - TAIL_BYTES))
            lines = stream.read().split(b"\n")
    except OSError:
        return ""
    for line in reversed(lines):
        record = parse_object(line)
        if record is not None:
            return str(record.get("type"))
    return ""
