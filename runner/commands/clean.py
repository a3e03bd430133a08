"""Making room: what runs hold, and deleting checkpoints that nothing needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from runner.store import disk_usage, life, locks
from runner.store.directory import RunDirectory
from runner.store.disk_usage import Holding, size_of
from runner.store.errors import LaunchError
from runner.store.life import Role
from runner.supervision.startable import ensure_ours


@dataclass(frozen=True)
class Cleaned:
    """What was deleted: so many checkpoints, so many bytes; `skipped` says which runs keep theirs, and why."""

    count: int = 0
    freed: int = 0
    skipped: tuple[str, ...] = ()


def clean(held: Iterable[Holding]) -> Cleaned:
    """Delete what can go of these runs. Each run is locked and looked at again: one that was resumed since keeps all,
    and none can be resumed meanwhile. Raises OSError.
    """
    cleaned = Cleaned()
    for one in held:
        if one.removable:
            cleaned = _clean(one.run, cleaned)
    return cleaned


def _clean(run: RunDirectory, cleaned: Cleaned) -> Cleaned:
    try:
        ensure_ours(run)
        lock = life.take(run, Role.SUPERVISOR)
    except (LaunchError, OSError) as error:
        return replace(cleaned, skipped=(*cleaned.skipped, str(error)))
    try:
        if life.of(run, Role.TRAINER).may_live:
            return replace(cleaned, skipped=(*cleaned.skipped, f"{run.id} runs by now."))
        for checkpoint in disk_usage.removable(run):
            freed = size_of(checkpoint.path)
            disk_usage.remove(run, checkpoint)
            cleaned = replace(cleaned, count=cleaned.count + 1, freed=cleaned.freed + freed)
    finally:
        locks.release(lock)
    return cleaned
