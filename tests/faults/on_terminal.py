"""`python -P -m tests.faults.on_terminal TERMINAL MODULE …`: a module as the leader of a session on this terminal."""

from __future__ import annotations

import os
import signal
import sys

from tests.fork_server.child import run_module


def main() -> None:
    # As a shell gives them to what it starts, whatever the tests themselves were started from.
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # A session leader that opens a terminal gets it as its own.
    terminal = os.open(sys.argv[1], os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(terminal, fd)
    os.close(terminal)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    run_module(sys.argv[2], sys.argv[3:])


if __name__ == "__main__":
    main()
