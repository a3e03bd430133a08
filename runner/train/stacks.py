"""Stacks of all threads in stack.txt when somebody asks with SIGUSR1, and on the console when a crash kills Python."""

from __future__ import annotations

import faulthandler
import os
import signal
from typing import IO

from runner.run.directory import RunDirectory
from runner.run.stalls import STACK


def listen(run: RunDirectory) -> IO[str]:
    """Write stacks from now on, also while the interpreter hangs in foreign code. The file has to stay open."""
    faulthandler.enable()
    fd = os.open(
        run.path / STACK, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
    )
    stream = os.fdopen(fd, "a")
    faulthandler.register(signal.SIGUSR1, file=stream, all_threads=True)
    return stream
