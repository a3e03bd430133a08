"""Whether a run lives: its supervisor, its trainer.

Each holds a lock for as long as it works (locks.py) and has signed it. A lock that is held is a living process. One
that is free proves a death only if it is the very file that was signed, under the kernel that runs here: files can be
removed, copied and put back, and another machine's processes hold locks that this one may not see. Where the lock
proves nothing, the processes themselves are looked for, and of another machine's run what it last wrote is looked at.
What cannot be told is never taken for a death.
"""

from __future__ import annotations

import errno
import math
import os
import time
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from runner import safe_open
from runner.store import locks, processes
from runner.store.directory import RunDirectory, read_json
from runner.store.errors import LaunchError, TakenError
from runner.store.events import Phase
from runner.store.jsonl import LineTail
from runner.store.processes import Identity

# Its supervisor writes once a second wherever it is. A full or a slow disk may keep it from that for some minutes.
SILENT_SECONDS = 600.0
# Enough for the last sample of a GPU box.
TAIL_BYTES = 16 * 1024
# Times of files are those of a coarse clock.
CLOCK_SECONDS = 0.1
# What opening says where no file is, or something else than one.
NO_FILE = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.ENXIO, errno.ELOOP}


class Life(Enum):
    """What is known of a process."""

    ALIVE = "alive"
    DEAD = "dead"
    UNKNOWN = "unknown"


class Role(Enum):
    """The two processes of a run."""

    SUPERVISOR = "supervisor"
    TRAINER = "trainer"

    def lock_of(self, run: RunDirectory) -> Path:
        return run.lock if self is Role.SUPERVISOR else run.trainer_lock


@dataclass(frozen=True)
class Sign:
    """A life, and in words why it cannot be told."""

    life: Life
    why: str = ""

    @property
    def may_live(self) -> bool:
        return self.life is not Life.DEAD


ALIVE, DEAD = Sign(Life.ALIVE), Sign(Life.DEAD)


def of(run: RunDirectory, role: Role, is_to_act: bool = False) -> Sign:
    """Whether the process that has this role for a run lives. Who is about to act has all processes looked at anew."""
    path = role.lock_of(run)
    try:
        fd = safe_open.open_fd(path)
    except OSError as error:
        found = _by_processes(run, role, None, is_to_act)
        if error.errno in NO_FILE or found is ALIVE:
            return found
        return Sign(Life.UNKNOWN, f"{path} cannot be opened: {error.strerror}")
    try:
        # A shared lock: two readers who look at the same moment do not take each other for a living process.
        if not locks.lock(fd, shared=True):
            return ALIVE
        return _by_signature(run, role, fd, is_to_act)
    except OSError as error:
        return Sign(Life.UNKNOWN, f"{path} cannot be locked: {error.strerror}")
    finally:
        os.close(fd)


def of_run(run: RunDirectory) -> Sign:
    """Whether either of its processes lives."""
    supervisor = of(run, Role.SUPERVISOR)
    if supervisor is ALIVE:
        return ALIVE
    trainer = of(run, Role.TRAINER)
    return supervisor if trainer is DEAD else trainer


def is_alive(run: RunDirectory) -> bool:
    """Whether a supervisor or a trainer lives for this run, or may live."""
    return of_run(run).may_live


def has_supervisor(run: RunDirectory) -> bool:
    """Whether a process watches over it, or waits for its turn; or may do so."""
    return of(run, Role.SUPERVISOR).may_live


def take(run: RunDirectory, role: Role, is_seen_dead: bool = False) -> int:
    """Lock a role for a process about to be started, and return the descriptor to hand over. Raises LaunchError when
    the role is taken, also by a process whose lock was removed, or when that cannot be told; and OSError. With
    `is_seen_dead` nothing is made of what was last written: this process wrote since it looked.
    """
    fd = locks.take(role.lock_of(run))
    if fd is None:
        raise TakenError(f"{run.id} has a {role.value} already.")
    try:
        found = _by_signature(run, role, fd, is_to_act=True)
        if not (is_seen_dead and found.life is Life.UNKNOWN):
            _refuse(run, role, found, "whose lock was removed or replaced")
        locks.sign(fd)
    except BaseException:
        locks.release(fd)
        raise
    return fd


def ensure_no_trainer(run: RunDirectory) -> None:
    """Raises LaunchError when a trainer lives or may live."""
    _refuse(run, Role.TRAINER, of(run, Role.TRAINER, is_to_act=True), "that goes on without a supervisor")


def _refuse(run: RunDirectory, role: Role, found: Sign, which: str) -> None:
    if found.life is Life.ALIVE:
        raise TakenError(f"{run.id} has a {role.value} already, {which}.")
    if found.life is Life.UNKNOWN:
        raise LaunchError(f"{run.id} may be running, so nothing is started: {found.why}.")


def _by_signature(run: RunDirectory, role: Role, fd: int, is_to_act: bool = False) -> Sign:
    """What a lock proves that is free, or that this process holds."""
    signature = locks.signature(fd)
    if signature is not None and signature.is_of_this_file and signature.owner.is_of_this_boot:
        return DEAD
    return _by_processes(run, role, signature, is_to_act)


def _by_processes(
    run: RunDirectory, role: Role, signature: locks.Signature | None, is_to_act: bool = False
) -> Sign:
    """Where no lock proves anything."""
    seen_at = last_sign(run)
    try:
        # A process that began to work on it since the last look has written there.
        workers = processes.workers_on(run.path, math.inf if is_to_act else seen_at + CLOCK_SECONDS)
        owner = signature.owner if signature is not None else _owner(run)
    except OSError as error:
        return Sign(Life.UNKNOWN, f"its processes cannot be looked for: {error.strerror}")
    if any(one.is_supervisor is (role is Role.SUPERVISOR) for one in workers):
        return ALIVE
    if owner is None or _would_be_seen(owner, seen_at) or _is_over(run):
        return DEAD
    silent = time.time() - min(seen_at, _said_at(run, seen_at))
    if silent > SILENT_SECONDS:
        return DEAD
    return Sign(
        Life.UNKNOWN,
        f"it ran on {owner.host}, where alone its processes can be seen, and wrote {max(0, int(silent))} seconds ago",
    )


def _owner(run: RunDirectory) -> Identity | None:
    """The process that last wrote state.json, or at least the machine the run was launched on. Raises OSError when
    what says so cannot be read.
    """
    state, record = (_read(path) for path in (run.state, run.run))
    found = processes.identity_of(state.get("process"))
    host = record.get("host")
    return found if found is not None or not isinstance(host, str) or not host else Identity(0, "", 0, host)


def _read(path: Path) -> dict[str, Any]:
    try:
        safe_open.open_binary(path).close()
    except OSError as error:
        if error.errno not in NO_FILE:
            raise
    return read_json(path)


def _would_be_seen(owner: Identity, seen_at: float) -> bool:
    """Whether a process would be among those of this machine if it lived."""
    if owner.host != processes.host():
        return False
    if owner.is_of_this_boot or not owner.boot:
        return owner.is_in_this_namespace or not owner.boot
    # Another kernel under the same name: this machine before it was started again, or another machine of that name.
    return seen_at < processes.boot_time()


def _is_over(run: RunDirectory) -> bool:
    try:
        return Phase(str(read_json(run.state).get("phase"))).is_over
    except ValueError:
        return False


def last_sign(run: RunDirectory) -> float:
    """When a process of the run last wrote, in seconds since the epoch; 0 when it never did."""
    return max((_written(path) for path in (run.system, run.events, run.console, run.state)), default=0.0)


def _said_at(run: RunDirectory, otherwise: float) -> float:
    """When its supervisor last wrote by its own clock: a copy made just now says when the run was. `otherwise` where it
    does not say.
    """
    samples = LineTail(run.system, TAIL_BYTES).read()
    said = (read_json(run.state).get("updated_at"), samples[-1].get("t") if samples else None)
    return max(
        (float(one) for one in said if isinstance(one, int | float) and math.isfinite(one)), default=otherwise
    )


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
