"""What a run has on disk to go on from."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from runner.store import manifest
from runner.store.checkpoint_integrity import is_cut_short, spoiled
from runner.store.directory import RunDirectory, read_json, write_json

NAME = re.compile(r"checkpoint-(\d{1,9})\Z")
# Written last by the trainer: with it the checkpoint is whole.
LAST_WRITTEN = "trainer_state.json"
NEEDED = ("optimizer.pt", "scheduler.pt", LAST_WRITTEN)
# A checkpoint that could not be loaded has this file, with the reason.
CONDEMNED = "unusable.json"
WEIGHTS = (
    "adapter_model.safetensors",
    "adapter_model.bin",
    "model.safetensors",
    "model.safetensors.index.json",
)


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint a run can go on from. `faults` says what is wrong with its files, `condemned` why it could not be
    loaded; both are empty when it is whole.
    """

    step: int
    path: Path
    faults: tuple[str, ...] = ()
    condemned: str = ""

    @property
    def is_whole(self) -> bool:
        return not self.faults and not self.condemned

    @property
    def wrong(self) -> str:
        """What is wrong with it, in words."""
        return ", ".join((*self.faults, self.condemned) if self.condemned else self.faults)


def checkpoints(run: RunDirectory) -> list[Checkpoint]:
    """Every checkpoint of a run in order of step, torn ones included. Links are not followed out of the run."""
    found = []
    if run.checkpoints.is_symlink():
        return []
    try:
        names = [path for path in run.checkpoints.iterdir() if path.is_dir() and not path.is_symlink()]
    except OSError:
        return []
    for path in names:
        match = NAME.match(path.name)
        if match is not None:
            found.append(Checkpoint(int(match[1]), path, _faults(path, int(match[1])), _condemned(path)))
    return sorted(found, key=lambda checkpoint: checkpoint.step)


def condemn(path: Path, reason: str) -> None:
    """Write down that a checkpoint cannot be gone on from, so that the one before it is taken the next time. Raises
    OSError.
    """
    write_json(path / CONDEMNED, {"reason": reason})


def _condemned(path: Path) -> str:
    if not (path / CONDEMNED).exists():
        return ""
    return str(read_json(path / CONDEMNED).get("reason") or "it could not be loaded")


def _faults(path: Path, step: int) -> tuple[str, ...]:
    lacking = [name for name in NEEDED if is_cut_short(path / name)]
    if not any(_holds_weights(path / name) for name in WEIGHTS):
        lacking.append(WEIGHTS[0])
    if all(is_cut_short(one) for one in path.glob("rng_state*.pth")):
        lacking.append("rng_state.pth")
    words = [f"{name} is missing or cut short" for name in lacking]
    if LAST_WRITTEN not in lacking and read_json(path / LAST_WRITTEN).get("global_step") != step:
        words.append(f"{LAST_WRITTEN} cannot be read")
    return tuple(words)


def _holds_weights(path: Path) -> bool:
    """Whether the weights are there whole; of an index, all the files it names."""
    if path.suffix != ".json":
        return not is_cut_short(path)
    named = read_json(path).get("weight_map")
    shards = set(named.values()) if isinstance(named, dict) else set()
    return bool(shards) and all(
        isinstance(shard, str) and "/" not in shard and not is_cut_short(path.parent / shard)
        for shard in shards
    )


def newest(run: RunDirectory) -> Checkpoint | None:
    """The last whole checkpoint; None when there is none. What its files hold is not looked at."""
    return next((one for one in reversed(checkpoints(run)) if one.is_whole), None)


def newest_unharmed(run: RunDirectory) -> tuple[Checkpoint | None, list[Checkpoint]]:
    """The last whole checkpoint whose files hold what was saved, and the later ones that do not. Reads them whole."""
    harmed: list[Checkpoint] = []
    for one in reversed(checkpoints(run)):
        if one.is_whole:
            looked_at = examined(one)
            if looked_at.is_whole:
                return looked_at, harmed
            harmed.append(looked_at)
    return None, harmed


def examined(one: Checkpoint) -> Checkpoint:
    """A whole checkpoint with what is wrong inside its files. Reads them whole."""
    has_manifest = (one.path / manifest.NAME).exists()
    return replace(one, faults=tuple(manifest.harm(one.path) if has_manifest else spoiled(one.path)))


def rotate(run: RunDirectory, limit: int, best_step: int | None) -> None:
    """Delete the oldest whole checkpoints until `limit` are left; the newest and the best always stay. Those that are
    not whole count for none and are left to `ftui clean`. Raises OSError.
    """
    whole = sorted(
        (one for one in checkpoints(run) if one.is_whole), key=lambda one: (_written(one), one.step)
    )
    kept = {one.step for one in whole[-1:]} | {best_step}
    going = [one for one in whole if one.step not in kept]
    for one in going[: max(0, len(whole) - max(limit, len(whole) - len(going)))]:
        shutil.rmtree(one.path)


def _written(one: Checkpoint) -> float:
    try:
        return (one.path / LAST_WRITTEN).stat().st_mtime
    except OSError:
        return 0.0
