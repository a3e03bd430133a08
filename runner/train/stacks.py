"""Stacks of all threads in stack.txt when SIGUSR1 asks for them, and on the console when a crash kills Python."""

from __future__ import annotations

import faulthandler
import os
import signal

from runner import safe_open
from runner.store.directory import RunDirectory
from runner.supervision.stalls import STACK


def listen(run: RunDirectory) -> None:
    """Write stacks from now on, also while the interpreter hangs in foreign code. Raises OSError."""
    faulthandler.enable()
    # The bare descriptor: it stays open for the life of the process.
    fd = safe_open.open_fd(run.path / STACK, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW)
    faulthandler.register(signal.SIGUSR1, file=fd, all_threads=True)
