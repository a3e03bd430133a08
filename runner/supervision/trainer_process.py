"""The trainer's process, started with its lock in its hands: there is no moment in which it trains and seems dead."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from runner.store import directory, locks
from runner.store.directory import RunDirectory
from runner.supervision.environment import trainer_environment


def start(
    run: RunDirectory, record: Mapping[str, Any], checkpoint: str, lease: int | None
) -> subprocess.Popen[bytes] | None:
    """Start `python -P -m TRAINER RUN_DIRECTORY LOCK_FD [CHECKPOINT]`; None when a trainer of this run lives already.
    It holds its GPU as long as it lives, with or without a supervisor. Raises OSError.
    """
    lock = locks.take(run.trainer_lock)
    if lock is None:
        return None
    try:
        with directory.open_console(run) as output:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", str(record["trainer"]), str(run.path), str(lock), checkpoint],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=trainer_environment(run, record),
                cwd=run.path,
                pass_fds=(lock,) if lease is None else (lock, lease),
            )
    finally:
        locks.release(lock)
