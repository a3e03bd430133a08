"""What people ask of a running run: a file in requests/, dropped by any program, taken once by the trainer."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from enum import StrEnum

from runner.store.directory import RunDirectory, read_json, write_json

# A stop that was taken and is being obeyed.
STOPPING = "stopping"
ONCE_SECONDS = 2.0


class Request(StrEnum):
    """What can be asked."""

    STOP = "stop"
    """Finish this step, write a full checkpoint, end as stopped."""
    STOP_NOW = "stop-now"
    """End at once; what is not on disk is lost."""
    SAVE = "save"
    """Write a checkpoint after this step and go on."""
    EVALUATE = "evaluate"
    """Evaluate after this step and go on."""
    SAMPLE = "sample"
    """Answer the sample prompts after this step and go on."""


def ask(run: RunDirectory, request: Request, reason: str = "") -> None:
    """Drop a request; asking twice is asking once. Raises OSError when the directory is gone, read-only, or a link."""
    if run.requests.is_symlink():
        raise OSError(errno.ELOOP, "is a link; requests are not written through it", str(run.requests))
    run.requests.mkdir(exist_ok=True, mode=0o700)
    write_json(run.requests / request.value, {"at": time.time(), "reason": reason})


def stop(run: RunDirectory, now: bool = False) -> bool:
    """Ask a run to stop, as a person does: asked again, it ends at once. Twice within two seconds is once: a key that
    was pressed twice, or two screens. Returns whether it ends at once. Raises OSError.
    """
    asked = max(_asked_at(run, name) for name in (Request.STOP.value, STOPPING))
    again = asked > 0 and abs(time.time() - asked) >= ONCE_SECONDS
    if now or again:
        ask(run, Request.STOP_NOW)
    elif not asked:
        ask(run, Request.STOP)
    return now or again


def _asked_at(run: RunDirectory, name: str) -> float:
    """When a request was dropped; 0 when it was not."""
    try:
        return (run.requests / name).stat().st_mtime
    except OSError:
        return 0.0


def forget(run: RunDirectory) -> None:
    """Nothing is asked of a run that begins: what was not taken was asked of the one before."""
    for name in (*(one.value for one in Request), STOPPING):
        with contextlib.suppress(OSError):
            (run.requests / name).unlink(missing_ok=True)


def reason_of(run: RunDirectory, request: Request) -> str:
    """Why a waiting request was dropped; empty when no reason was given."""
    reason = read_json(run.requests / request.value).get("reason") if pending(run, request) else None
    return reason if isinstance(reason, str) else ""


def pending(run: RunDirectory, request: Request) -> bool:
    """Whether a request waits to be taken. Only a file is one."""
    path = run.requests / request.value
    return path.is_file() and not path.is_symlink()


def take(run: RunDirectory) -> set[Request]:
    """Every waiting request to the trainer, removed from the directory. `stop-now` is the supervisor's to take."""
    try:
        names = {entry.name for entry in os.scandir(run.requests) if entry.is_file(follow_symlinks=False)}
    except OSError:
        return set()
    taken: set[Request] = {one for one in Request if one.value in names and one is not Request.STOP_NOW}
    for request in taken:
        path = run.requests / request.value
        with contextlib.suppress(OSError):
            if request is Request.STOP:
                # So that a second one is known as such.
                path.replace(run.requests / STOPPING)
            else:
                path.unlink(missing_ok=True)
    return taken
