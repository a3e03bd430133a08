"""Processes as the kernel knows them: what tells of which machine, boot (random(4), boot_id) and container
(pid_namespaces(7)) one is, and those of this machine that work on a run. They are found by their command and by the
directory they work in, never by a pid that was written down: those are used again, and in a container they lie.
"""

from __future__ import annotations

import math
import os
import platform
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from runner.machine import trainers

SUPERVISOR = "runner.supervision"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
NAMESPACE = Path("/proc/self/ns/pid")
# One look at all processes takes milliseconds; a list of runs asks for each of them.
TABLE_SECONDS = 1.0


@dataclass(frozen=True)
class Identity:
    """One process, as it tells of itself: `boot` is the kernel's, `namespace` that of its pid (an inode), `host` the
    machine's name.
    """

    pid: int
    boot: str
    namespace: int
    host: str

    def as_record(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def is_of_this_boot(self) -> bool:
        """Whether it was started under the kernel that runs here now."""
        return self.boot == _boot() and (self.boot != "" or self.host == host())

    @property
    def is_in_this_namespace(self) -> bool:
        """Whether its pid counts where this process's does: not in another container."""
        return self.namespace == _namespace()


def own_identity() -> Identity:
    """This process."""
    return Identity(os.getpid(), _boot(), _namespace(), host())


def written_by() -> dict[str, Any]:
    """What state.json says of its own writing."""
    return {"updated_at": time.time(), "process": own_identity().as_record()}


def identity_of(record: Any) -> Identity | None:
    """The identity in a record that a run directory holds; None where it is none."""
    if not isinstance(record, Mapping):
        return None
    pid, boot, namespace, name = (record.get(key) for key in ("pid", "boot", "namespace", "host"))
    is_whole = isinstance(pid, int) and isinstance(namespace, int)
    is_whole = is_whole and isinstance(boot, str) and isinstance(name, str)
    return Identity(pid, boot, namespace, name) if is_whole else None  # type: ignore[arg-type]


def host() -> str:
    """This machine's name."""
    return platform.node()


@cache
def boot_time() -> float:
    """When this machine's kernel started, in seconds since the epoch; 0 when it does not say."""
    try:
        lines = Path("/proc/stat").read_text(encoding="ascii", errors="replace").splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith("btime ")))
    except (OSError, ValueError, StopIteration):
        return 0.0


@cache
def _boot() -> str:
    """Empty where the kernel does not say."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


@cache
def _namespace() -> int:
    try:
        return NAMESPACE.stat().st_ino
    except OSError:
        return 0


def is_stopped(pid: int) -> bool:
    """Whether a process was stopped by a signal (SIGSTOP, Ctrl-Z, a debugger): it answers nothing until it goes on."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
        # Behind the name, which may hold anything (proc_pid_stat(5), field 3).
        return text[text.rindex(b")") + 1 :].split()[0] in (b"T", b"t")
    except (OSError, ValueError, IndexError):
        return False


@dataclass(frozen=True)
class Worker:
    """A process that was started for a run: its supervisor, or its trainer, of which forked workers count as well.
    `folder` is the directory it works in, by device and inode: that of its run, also after that was renamed. None where
    it may not be looked at.
    """

    pid: int
    module: str
    run: str
    folder: tuple[int, int] | None

    @property
    def is_supervisor(self) -> bool:
        return self.module == SUPERVISOR


class _Table:
    """Who works on runs, looked up at most once a second. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read_at = 0.0
        self._workers: list[Worker] = []

    def workers(self, of: float) -> list[Worker]:
        """Those there were at a time (seconds since the epoch), or a second ago if that is later. Raises OSError."""
        with self._lock:
            now = time.time()
            # A file may be of the future: a clock was put back.
            wanted = max(min(of, now), now - TABLE_SECONDS)
            if of == math.inf or not wanted < self._read_at <= now:
                self._workers = _workers()
                self._read_at = now
            return self._workers


_table = _Table()


def workers_on(run: Path, of: float = math.inf) -> list[Worker]:
    """The processes that work on a run, by their command lines: at the moment; or, where it is enough to know who did
    at the time `of` (seconds since the epoch), as a look of the last second showed it if that was later. Raises OSError
    when processes cannot be looked at.
    """
    workers = _table.workers(of)
    if not workers:
        return []
    folder = _folder(run)
    return [one for one in workers if one.folder == folder or (one.folder is None and one.run == str(run))]


def _workers() -> list[Worker]:
    modules = {SUPERVISOR, *trainers.known()}
    with os.scandir("/proc") as entries:
        pids = [int(entry.name) for entry in entries if entry.name.isdigit()]
    return [worker for pid in pids if (worker := _worker(pid, modules)) is not None]


def _worker(pid: int, modules: set[str]) -> Worker | None:
    try:
        command = os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).split("\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        # It is gone, or another user's.
        return None
    if command[1:3] != ["-P", "-m"] or len(command) < 5 or command[3] not in modules:
        return None
    return Worker(pid, command[3], command[4], _folder(Path(f"/proc/{pid}/cwd")))


def _folder(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
