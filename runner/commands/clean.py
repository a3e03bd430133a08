"""Making room: what runs hold, and deleting checkpoints that nothing needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from runner.store import disk_usage, locks
from runner.store.directory import RunDirectory
from runner.store.disk_usage import Holding, size_of


@dataclass(frozen=True)
class Cleaned:
    """What was deleted: so many checkpoints, so many bytes; `skipped` are runs that live by now."""

    count: int = 0
    freed: int = 0
    skipped: tuple[RunDirectory, ...] = ()


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
    lock = locks.take(run.lock)
    if lock is None:
        return replace(cleaned, skipped=(*cleaned.skipped, run))
    try:
        if locks.is_held(run.trainer_lock):
            return replace(cleaned, skipped=(*cleaned.skipped, run))
        for checkpoint in disk_usage.removable(run):
            freed = size_of(checkpoint.path)
            disk_usage.remove(run, checkpoint)
            cleaned = replace(cleaned, count=cleaned.count + 1, freed=cleaned.freed + freed)
    finally:
        locks.release(lock)
    return cleaned
