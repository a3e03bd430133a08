"""What runs hold on disk, and what of it can go without losing the best or the last good checkpoint."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from runner.insight.curves import best_of, main_set
from runner.store import life
from runner.store.checkpoints import Checkpoint, checkpoints
from runner.store.directory import RunDirectory
from runner.store.history import read_history


@dataclass(frozen=True)
class Holding:
    """The bytes of one run. `removable` are checkpoints that are neither the best nor the last whole one, nor any of a
    run that lives.
    """

    run: RunDirectory
    total: int
    in_checkpoints: int
    adapter: int
    removable: tuple[Checkpoint, ...]
    freed: int
    is_alive: bool


def size_of(path: Path) -> int:
    """Bytes on disk below a path, links not followed; 0 when it is not there."""
    total = 0
    if path.is_symlink():
        return 0
    for folder, _, names in os.walk(path, followlinks=False):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_blocks * 512  # noqa: PTH118
            except OSError:
                continue
    return total


def free_bytes(home: Path) -> int | None:
    """Bytes free where runs are written, or will be; None when it cannot be told."""
    for folder in (home, *home.parents):
        try:
            return shutil.disk_usage(folder).free
        except OSError:
            continue
    return None


def holding(run: RunDirectory) -> Holding:
    """What a run holds."""
    alive = life.is_alive(run)
    found = [] if alive else removable(run)
    return Holding(
        run,
        size_of(run.path),
        size_of(run.checkpoints),
        size_of(run.adapter) + size_of(run.path / "model"),
        tuple(found),
        sum(size_of(one.path) for one in found),
        alive,
    )


def removable(run: RunDirectory) -> list[Checkpoint]:
    """Checkpoints that may go: all but the best evaluated one and the last whole one. Torn ones may always go."""
    found = checkpoints(run)
    whole = [one for one in found if one.is_whole]
    kept = {whole[-1].step} if whole else set()
    evals, saved = read_history(run).evals, {one.step for one in whole}
    best = best_of(point for point in evals.get(main_set(evals), ()) if point.step in saved)
    if best is not None:
        kept.add(best.step)
    return [one for one in found if one.step not in kept or not one.is_whole]


def remove(run: RunDirectory, one: Checkpoint) -> None:
    """Delete a checkpoint of a run that does not live. Raises OSError, and ValueError for a path outside the run."""
    inside = run.path.resolve() / run.checkpoints.name
    if one.path.parent.resolve() != inside or one.path.is_symlink():
        raise ValueError(f"{one.path} is no checkpoint of {run.id}")
    shutil.rmtree(one.path)
