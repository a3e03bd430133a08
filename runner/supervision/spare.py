"""`python -P -m runner.supervision.spare CONNECTION_FD TRAINER NICE IDLE_SECONDS FTUI_HOME PADDING`: a supervisor that
was started before there was a run, with its trainer: the next launch need not wait for imports (docs/warm-start.md).

It is a screen's, and ends with it, or when it was not needed for a while. Once it has a run it is that run's supervisor
like any other, and the screen may close.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

from runner.redaction.blotting import look_again
from runner.redaction.streams import guard_streams
from runner.store import locks
from runner.store.directory import RunDirectory
from runner.supervision import command_line, handover
from runner.supervision.imports_ahead import ImportsAhead
from runner.supervision.spare_trainer import SpareTrainer

MODULE = "runner.supervision.spare"
SUPERVISOR = "runner.supervision"


def main() -> int:
    guard_streams()
    # The trainer inherits it, as it does from the supervisor of a cold start.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    connection = socket.socket(fileno=int(sys.argv[1]))
    connection.set_inheritable(False)
    nice, idle_seconds = int(sys.argv[3]), float(sys.argv[4])
    trainer = SpareTrainer(sys.argv[2], Path(sys.argv[5]), nice)
    imports = ImportsAhead(["runner.supervision.supervisor"], nice)
    imports.start()
    connection.settimeout(idle_seconds)
    try:
        request = handover.receive(connection)
    except TimeoutError:
        request = None
    if request is None:
        trainer.end()
        return 0
    message, (console, lock) = request
    run, checkpoint = RunDirectory(Path(message["run"])), str(message["checkpoint"])
    imports.stop()
    become(command_line.of(SUPERVISOR, run.path, lock, checkpoint), run, message["environment"], console)
    locks.keep(lock)
    handover.send(connection, {"why": ""})
    connection.close()
    from runner.supervision.supervisor import Supervisor

    return Supervisor(run, checkpoint, spare=trainer, lock=lock).supervise()


def become(command: list[str], run: RunDirectory, environment: dict[str, str], console: int) -> None:
    """Make this process what it would be had it been started with this command for this run. Raises OSError or
    ValueError.
    """
    command_line.rewrite(command)
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)
    # Of the environment until now.
    look_again()
    os.chdir(run.path)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(console, 1)
    os.dup2(console, 2)
    os.close(console)
    sys.argv = command[3:]


if __name__ == "__main__":
    sys.exit(main())
