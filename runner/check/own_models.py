"""Models that are on this machine: in folders beside where one stands, and in the hub's cache."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.check.model_config import read_model_config
from runner.machine.model_folder import cache_folder

WEIGHTS = (".safetensors", ".bin")
# A folder with more entries is no collection of models.
MOST_ENTRIES = 500


@dataclass(frozen=True)
class OwnModel:
    """A model whose weights are here: its path or its name on the hub, where it lies in words, and its parameters."""

    name: str
    place: str
    parameters: int


def own_models(where: Path) -> list[OwnModel]:
    """The models that can be trained, the largest first: those in and below a folder, then those in the hub's cache."""
    found = [_model(str(folder), "here") for folder in _folders(where)]
    found += [_model(name, "in the hub's cache") for name in cached_models()]
    usable = {model.name: model for model in found if model is not None}
    return sorted(usable.values(), key=lambda one: (one.place != "here", -one.parameters))


def cached_models() -> list[str]:
    """The names of models in the hub's cache whose weights are there."""
    names = []
    for repository in _entries(cache_folder()):
        if repository.name.startswith("models--") and any(
            _has_weights(snapshot) for snapshot in _entries(repository / "snapshots")
        ):
            names.append(repository.name.removeprefix("models--").replace("--", "/"))
    return sorted(names)


def _model(name: str, place: str) -> OwnModel | None:
    config = read_model_config(name, "main")
    if config.architecture is None or config.untrainable is not None:
        return None
    return OwnModel(name, place, config.architecture.parameters)


def _folders(where: Path) -> Iterator[Path]:
    for folder in (where, *_entries(where), *_entries(where / "models")):
        if (folder / "config.json").is_file() and _has_weights(folder):
            yield folder.resolve()


def _has_weights(folder: Path) -> bool:
    return any(entry.name.endswith(WEIGHTS) for entry in _entries(folder))


def _entries(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(entry.path) for entry, _ in zip(entries, range(MOST_ENTRIES), strict=False)]
    except OSError:
        return []
