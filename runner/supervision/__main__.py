"""`python -P -m runner.supervision RUN_DIRECTORY LOCK_FD [CHECKPOINT | --reattach]`: the supervisor's process.

It holds the run's lock until the run is over. A run in the queue waits for its turn first.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from runner.queue import tickets, waiting
from runner.redaction.streams import guard_streams
from runner.store import locks
from runner.store.directory import RunDirectory
from runner.supervision import signals


def main() -> int:
    guard_streams()
    run = RunDirectory(Path(sys.argv[1]))
    lock = int(sys.argv[2])
    locks.keep(lock)
    checkpoint = sys.argv[3] if len(sys.argv) > 3 else ""
    signals.take_defaults()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    lease = None
    if not checkpoint and (tickets.is_queued(run) or tickets.never_started(run)):
        lease = waiting.WaitingRun(run).wait()
        if lease is None:
            return 0
    # It brings numpy and the schema along, which those who wait do without.
    from runner.supervision.supervisor import Supervisor

    return Supervisor(run, checkpoint, lease, lock=lock).supervise()


if __name__ == "__main__":
    sys.exit(main())
