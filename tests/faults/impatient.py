"""`python -P -m tests.faults.impatient …`: the supervisor, which calls two seconds silence and a slow report hung."""

from __future__ import annotations

import subprocess
import sys
import threading

from runner.insight.diagnosis import operating_conditions, throttled
from runner.store import locks
from runner.store.directory import RunDirectory
from runner.supervision import __main__ as supervise
from runner.supervision import monitor
from runner.supervision import supervisor as supervision

SILENT_SECONDS = 2.0


def start(run: RunDirectory, checkpoint: str = "", warm: object = None) -> None:
    """Stands in for launch.start_supervisor."""
    lock = locks.take(run.lock)
    assert lock is not None
    with run.console.open("ab") as console:
        supervisor = subprocess.Popen(
            [sys.executable, "-P", "-m", "tests.faults.impatient", str(run.path), str(lock), checkpoint],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            start_new_session=True,
            pass_fds=(lock,),
            cwd=run.path,
        )
    locks.release(lock)
    threading.Thread(target=supervisor.wait, daemon=True).start()


if __name__ == "__main__":
    operating_conditions.SILENT_SECONDS, monitor.QUIET_SECONDS, throttled.PAUSE = SILENT_SECONDS, 0.2, 0.0
    supervision.REPORT_SECONDS = 2.0
    sys.exit(supervise.main())
