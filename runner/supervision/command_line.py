"""The command line under which a process is listed (/proc/PID/cmdline), rewritten in place.

By it a run's trainer is found when its supervisor has died, and one that was started before there was a run does not
have it. The kernel reads it from the process's own memory, so writing there is enough; moving it elsewhere (prctl
PR_SET_MM) would need rights that an ordinary user lacks.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from runner.machine import training_stack

# Fields of /proc/PID/stat (proc_pid_stat(5), counted from 1); the name in field 2 may hold anything but a newline.
ARG_START, ARG_END, AFTER_NAME = 48, 49, 3
# For the name of the trainer, a run's id, a descriptor and a checkpoint, beside the folder that runs are in.
ROOM = 384


def of(module: str, run: Path, lock: int, checkpoint: str) -> list[str]:
    """The command that starts a supervisor or a trainer."""
    return training_stack.command(module, run, lock, checkpoint)


def padding(home: Path) -> str:
    """An argument that makes room for the command line of a run below this FTUI_HOME."""
    return " " * (ROOM + len(os.fsencode(home)))


def rewrite(command: Sequence[str]) -> None:
    """Be listed with this command line; what is left of the old one becomes NULs. Raises ValueError where it is too
    long or holds a NUL, OSError where the kernel does not say where it lies.
    """
    if any("\0" in part for part in command):
        raise ValueError("a NUL in a command line")
    data = b"".join(os.fsencode(part) + b"\0" for part in command)
    start, end = _place()
    if len(data) > end - start:
        raise ValueError(f"a command line of {len(data)} bytes, where there is room for {end - start}")
    # Here: a screen imports this module, and has no use for that one.
    import ctypes

    ctypes.memmove(start, data.ljust(end - start, b"\0"), end - start)


def _place() -> tuple[int, int]:
    """Where in this process's memory the command line begins and ends."""
    text = Path("/proc/self/stat").read_bytes()
    fields = text[text.rindex(b")") + 1 :].split()
    start, end = int(fields[ARG_START - AFTER_NAME]), int(fields[ARG_END - AFTER_NAME])
    if not 0 < start < end:
        raise OSError("the kernel does not say where the command line lies")
    return start, end
