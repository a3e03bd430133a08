"""What a run has on disk to go on from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from runner.store.checkpoint_integrity import is_cut_short
from runner.store.directory import RunDirectory, read_json

NAME = re.compile(r"checkpoint-(\d{1,9})\Z")
# Written last by the trainer: with it the checkpoint is whole.
LAST_WRITTEN = "trainer_state.json"
NEEDED = ("optimizer.pt", "scheduler.pt", LAST_WRITTEN)
WEIGHTS = (
    "adapter_model.safetensors",
    "adapter_model.bin",
    "model.safetensors",
    "model.safetensors.index.json",
)


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint a run can go on from. `missing` names what it lacks; empty when it is whole."""

    step: int
    path: Path
    missing: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        return not self.missing


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
            found.append(Checkpoint(int(match[1]), path, _missing(path, int(match[1]))))
    return sorted(found, key=lambda checkpoint: checkpoint.step)


def _missing(path: Path, step: int) -> tuple[str, ...]:
    lacking = [name for name in NEEDED if is_cut_short(path / name)]
    if not any(_holds_weights(path / name) for name in WEIGHTS):
        lacking.append(WEIGHTS[0])
    if all(is_cut_short(one) for one in path.glob("rng_state*.pth")):
        lacking.append("rng_state.pth")
    if LAST_WRITTEN not in lacking and read_json(path / LAST_WRITTEN).get("global_step") != step:
        lacking.append(f"a readable {LAST_WRITTEN}")
    return tuple(lacking)


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
    """The last whole checkpoint; None when there is none."""
    return next((one for one in reversed(checkpoints(run)) if one.is_whole), None)
