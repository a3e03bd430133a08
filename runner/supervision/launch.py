"""Launch a run: make its directory, freeze its preset, and start its supervisor."""

from __future__ import annotations

import platform
import shlex
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner import gpu, places
from runner.gpu_choice import choose_gpu
from runner.machine import git, trainers
from runner.machine.training_stack import STACK, missing_packages, version
from runner.preset import files
from runner.preset.data_sources import data_sources
from runner.preset.files import LoadedPreset
from runner.preset.schema import Preset
from runner.store import directory, launched, processes
from runner.store.directory import RunDirectory
from runner.store.errors import LaunchError
from runner.store.events import Phase
from runner.supervision.start import start_supervisor
from runner.supervision.warm import WarmStart

TRAINER = trainers.OURS


@dataclass(frozen=True)
class Launched:
    """A started run and what it was started on; `gpu` is None on the CPU."""

    run: RunDirectory
    gpu: gpu.Gpu | None


def launch(
    loaded: LoadedPreset,
    home: Path,
    gpu_choice: str | None = None,
    trainer: str = TRAINER,
    warm: WarmStart | None = None,
) -> Launched:
    """Create the run directory and start its supervisor, detached, with `warm` one that was started ahead. `trainer` is
    the module that trains: it is given the run directory and writes its events. Raises LaunchError or OSError.
    """
    ensure_can_train(loaded.preset)
    chosen = choose_gpu(gpu.read(), gpu_choice)
    run = make_run(loaded, home, loaded.name, chosen, trainer)
    directory.write_json(run.state, {"phase": Phase.STARTING.value, **processes.written_by()})
    start_supervisor(run, warm=warm)
    return Launched(run, chosen)


def ensure_can_train(preset: Preset) -> None:
    """Raises LaunchError naming packages or files that are not here."""
    if missing := missing_packages():
        raise LaunchError(
            f"{', '.join(missing)} not installed here, so nothing can be trained. pip install '.[train]'"
        )
    if lacking := missing_files(preset):
        raise LaunchError("\n".join(lacking))


def make_run(
    loaded: LoadedPreset, home: Path, name: str, chosen: gpu.Gpu | None, trainer: str, **more: Any
) -> RunDirectory:
    """The directory of a new run with its preset frozen and run.json written; `more` goes into that. Raises OSError."""
    run = directory.create(home, name)
    files.dump(loaded.preset, run.preset)
    launched.note(run)
    directory.write_json(run.run, {**_record(run, loaded, chosen, trainer), **more})
    return run


def missing_files(preset: Preset) -> list[str]:
    """What a preset names on this machine that is not there, each with the key to set."""
    named = (
        ("model.model_name_or_path", preset.model.model_name_or_path),
        ("model.chat_template_path", preset.model.chat_template_path),
        *((source.key, source.dataset) for source in data_sources(preset.data)),
    )
    return [
        f"{key}: {value} does not exist. Give your own: --set {key}=PATH, or change it in the preset."
        for key, value in dict.fromkeys(named)
        if value is not None and value.startswith("/") and not Path(value).exists()
    ]


def _record(run: RunDirectory, loaded: LoadedPreset, chosen: gpu.Gpu | None, trainer: str) -> dict[str, Any]:
    """What run.json says: how this run came to be."""
    return {
        "schema": 1,
        "id": run.id,
        "preset": loaded.name,
        "preset_path": str(loaded.path),
        "created_at": time.time(),
        "argv": shlex.join(sys.argv),
        "cwd": places.recorded(),
        "engine": "trl",
        "trainer": trainer,
        "python": platform.python_version(),
        "host": platform.node(),
        "versions": {name: version(name) for name in (*STACK, "finetune-tui")},
        "gpu": None if chosen is None else chosen.as_record(),
        "driver": gpu.read().driver,
        "git_commit": git.commit(loaded.path.parent),
    }
