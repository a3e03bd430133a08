"""Stopping this process as a shell's ctrl+z does, until it is brought back to the foreground."""

from __future__ import annotations

import os
import signal
import time

LOOK_SECONDS = 0.1


def has_shell() -> bool:
    """Whether a shell is there that could continue what is stopped. The first process group of a terminal (of a tmux
    pane opened with a command, of `ssh -t`) has none; what stops there stays.
    """
    return os.getpgrp() != os.getsid(0)


def stop_process(terminal: int) -> None:
    """Stop, and return when this process is in the foreground of its terminal again. Main thread only."""
    continued = signal.signal(signal.SIGCONT, signal.SIG_DFL)
    _take(signal.SIGTSTP)
    wait_for_foreground(terminal)
    signal.signal(signal.SIGCONT, continued)


def wait_for_foreground(terminal: int) -> None:
    """Stay stopped while the terminal is another's: continued in the background, one may not write to it."""
    while _is_background(terminal):
        _take(signal.SIGTTOU)
        # A stop is refused where no shell is left.
        time.sleep(LOOK_SECONDS)


def _take(number: signal.Signals) -> None:
    """What this signal does by default. Sent to the thread itself, it is taken before the next statement."""
    handler = signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)
    signal.signal(number, handler)


def _is_background(terminal: int) -> bool:
    try:
        return os.tcgetpgrp(terminal) != os.getpgrp()
    except OSError:
        return False
