"""Spare pairs as a test sees them: waited for, and found by their processes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psutil

from runner.store.directory import RunDirectory
from runner.store.jsonl import LineTail, Record
from runner.supervision.warm import WarmStart
from tests.conftest import wait_for


@dataclass(frozen=True)
class Pids:
    """The processes of a spare pair."""

    supervisor: int
    trainer: int


def ready(warm: WarmStart) -> Pids:
    """Have a spare pair made; its processes, once both are there."""
    warm.prepare()
    wait_for(lambda: not warm._is_preparing, 20, "a spare pair is made")
    pair = warm._pair
    assert pair is not None
    return Pids(pair.process.pid, trainer_of(pair.process.pid))


def trainer_of(supervisor: int) -> int:
    """The spare trainer of a spare supervisor."""
    children = wait_for(psutil.Process(supervisor).children, 20, "a spare trainer")
    return int(children[0].pid)


def starts(run: RunDirectory) -> list[Record]:
    """How its trainers were started, where a spare one was asked for."""
    return [event for event in LineTail(run.events).read_all() if event.get("type") == "start"]


def was_warm(run: RunDirectory) -> bool:
    """Whether a spare pair became this run's."""
    return [event["warm"] for event in starts(run)] == [True]


def why_cold(run: RunDirectory) -> str:
    """Why its trainer was started anew."""
    (start,) = starts(run)
    assert start["warm"] is False
    return str(start["why"])


def imported(trainer: int, seconds: float = 120) -> None:
    """Wait until a spare trainer that imports the training stack has done so."""

    def is_done() -> bool:
        # Before, its main thread alone is there.
        has_torch = psutil.Process(trainer).memory_info().rss > 200 << 20
        return has_torch and (19, "python") not in threads(trainer)

    wait_for(is_done, seconds, "the training stack is imported")


def threads(pid: int) -> list[tuple[int, str]]:
    """(niceness, name) of every thread of a process."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        before, _, after = (task / "stat").read_text().rpartition(")")
        found.append((int(after.split()[16]), before.partition("(")[2]))
    return found
