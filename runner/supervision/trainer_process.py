"""The trainer's process, started with its lock in its hands: there is no moment in which it trains and seems dead."""

from __future__ import annotations

import contextlib
import errno
import subprocess
from collections.abc import Mapping
from typing import Any

from runner.machine import trainers
from runner.store import directory, life, locks
from runner.store.directory import RunDirectory
from runner.store.errors import LaunchError
from runner.store.events import EventLog
from runner.store.life import Role
from runner.supervision import command_line
from runner.supervision.environment import trainer_environment
from runner.supervision.spare_trainer import SpareTrainer


def start(
    run: RunDirectory,
    record: Mapping[str, Any],
    checkpoint: str,
    lease: int | None,
    spare: SpareTrainer | None = None,
) -> subprocess.Popen[bytes] | None:
    """Start `python -P -m TRAINER RUN_DIRECTORY LOCK_FD [CHECKPOINT]`, or have a spare trainer become that; None when a
    trainer of this run lives already. It holds its GPU as long as it lives, with or without a supervisor. Raises
    OSError.
    """
    trainer, environment = str(record.get("trainer")), trainer_environment(run, record)
    if trainer not in trainers.known():
        raise OSError(errno.EPERM, f"run.json names a trainer that is none of ftui's: {trainer[:60]!r}")
    try:
        lock = life.take(run, Role.TRAINER, is_seen_dead=True)
    except LaunchError:
        return None
    held = [lock] if lease is None else [lock, lease]
    try:
        with directory.open_console(run) as output:
            if spare is not None:
                # Its header, before the trainer looks for one too.
                with contextlib.suppress(OSError):
                    EventLog(run).close()
                warm = spare.take_over(run, trainer, checkpoint, environment, [output.fileno(), *held])
                say(run, "" if isinstance(warm, subprocess.Popen) else warm)
                if isinstance(warm, subprocess.Popen):
                    return warm
            return subprocess.Popen(
                command_line.of(trainer, run.path, lock, checkpoint),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=environment,
                cwd=run.path,
                pass_fds=held,
            )
    finally:
        locks.release(lock)


def say(run: RunDirectory, why_cold: str) -> None:
    """Record whether a trainer was started warm, or why not. A disk that does not take it must not end the start."""
    with contextlib.suppress(OSError):
        log = EventLog(run)
        log.append("start", warm=not why_cold, **({"why": why_cold} if why_cold else {}))
        log.close()
