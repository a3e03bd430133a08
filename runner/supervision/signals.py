"""Signals that are ignored because the process that started this one did: `nohup` and shells without jobs do that."""

from __future__ import annotations

import signal

# subprocess's `restore_signals` covers none of them.
INHERITED = (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM, signal.SIGTSTP)


def take_defaults() -> None:
    """Let signals do again what they do by default, here and in what this process will start. Of the main thread."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in INHERITED:
        signal.signal(number, signal.SIG_DFL)
