"""A trainer whose supervisor died goes on by itself; a new supervisor can watch over it from then on."""

from __future__ import annotations

import os
from pathlib import Path

from runner import safe_open
from runner.store import locks
from runner.store.directory import RunDirectory, read_json
from runner.store.errors import LaunchError
from runner.store.jsonl import parse_object
from runner.supervision.start import REATTACH, start_supervisor

UNKNOWN_CODE = 255
TAIL_BYTES = 64 * 1024


class ReattachedTrainer:
    """Another process's child: alive as long as it holds its lock. Its exit code cannot be known."""

    def __init__(self, run: RunDirectory) -> None:
        self._run = run
        self.pid = trainer_pid(run)

    def poll(self) -> int | None:
        """None while it lives."""
        if locks.is_held(self._run.trainer_lock):
            self.pid = self.pid or trainer_pid(self._run)
            return None
        from runner.supervision.replan import EXIT_CODE

        return EXIT_CODE if _last_type(self._run) == "replan" else UNKNOWN_CODE


def trainer_pid(run: RunDirectory) -> int:
    """The process that trains this run: as the last supervisor wrote it down, or, where it died before it could, by its
    command. 0 when there is none.
    """
    command = ["-P", "-m", str(read_json(run.run).get("trainer")), str(run.path)]
    written = read_json(run.state).get("trainer_pid")
    if isinstance(written, int) and written > 1 and _leader(written, command):
        return written
    # Seldom asked for; every list of runs would wait for it.
    import psutil

    return next((leader for pid in psutil.pids() if (leader := _leader(pid, command))), 0)


def _leader(pid: int, command: list[str]) -> int:
    """The first process of its session, if this one was started with this after the name of its program: of a trainer
    and of the workers it forked, the trainer, also when only they are left. 0 for any other.
    """
    try:
        found = os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).split("\0")
        return os.getsid(pid) if found[1 : 1 + len(command)] == command else 0
    except OSError:
        return 0


def is_orphan(run: RunDirectory) -> bool:
    """Whether a trainer lives and no supervisor watches over it."""
    return locks.is_held(run.trainer_lock) and not locks.is_held(run.lock)


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
