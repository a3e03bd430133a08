"""Start a run: make its directory, freeze its preset, and let a supervisor go that needs no parent any more."""

from __future__ import annotations

import platform
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from runner import gpu
from runner.preset import files
from runner.preset.errors import nearest
from runner.preset.files import LoadedPreset
from runner.preset.schema import Preset
from runner.run import directory, locks, requests
from runner.run.adopt import ADOPT
from runner.run.directory import RunDirectory
from runner.run.events import EventLog, Phase
from runner.run.queue import CPU

STACK = ("torch", "transformers", "trl", "peft", "bitsandbytes", "datasets", "accelerate")
TRAINER = "runner.train"
NEEDED = ("torch", "transformers", "trl", "peft", "datasets")


class LaunchError(Exception):
    """A run that cannot be started; the message says why and what to do."""


class UnusableGpuError(LaunchError):
    """There is a GPU, and the run could not use it; the message says why and what helps."""


@dataclass(frozen=True)
class Launched:
    """A started run and what it was started on; `gpu` is None on the CPU."""

    run: RunDirectory
    gpu: gpu.Gpu | None


def launch(
    loaded: LoadedPreset, home: Path, gpu_choice: str | None = None, trainer: str = TRAINER
) -> Launched:
    """Create the run directory and start its supervisor, detached. `trainer` is the module that trains: it is given
    the run directory and writes its events. Raises LaunchError or OSError.
    """
    ensure_can_train(loaded.preset)
    chosen = choose_gpu(gpu.read(), gpu_choice)
    run = make_run(loaded, home, loaded.name, chosen, trainer)
    directory.write_json(run.state, {"phase": Phase.STARTING.value, "updated_at": time.time()})
    start_supervisor(run)
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
    directory.write_json(run.run, {**_record(run, loaded, chosen, trainer), **more})
    return run


def start_supervisor(run: RunDirectory, checkpoint: str = "") -> None:
    """Start the supervisor of a run in a session of its own; with a checkpoint's name the run goes on from it.
    LaunchError when the run has one already.
    """
    if links := directory.links_out(run):
        raise LaunchError(
            f"{run.path}: {', '.join(links[:3])} leads out of the run's directory, and nothing is written there.\n"
            "Put the files themselves there; to keep runs on another disk, set FTUI_HOME."
        )
    lock = locks.take(run.lock)
    if lock is None:
        raise LaunchError(f"{run.id} has a supervisor already.")
    try:
        if checkpoint != ADOPT:
            requests.forget(run)
        if checkpoint not in ("", ADOPT):
            _begin_again(run)
        with directory.open_console(run) as console:
            # -P keeps a folder named `runner` in the user's current directory from being imported instead of ours.
            supervisor = subprocess.Popen(
                [sys.executable, "-P", "-m", "runner.run.supervise", str(run.path), str(lock), checkpoint],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
                # The lock goes to the supervisor without a gap in which the run would look dead.
                pass_fds=(lock,),
                cwd=run.path,
            )
    finally:
        locks.release(lock)
    # While this process lives, it is the supervisor's parent: it has to take its exit code.
    threading.Thread(target=supervisor.wait, name=f"reap {run.id}", daemon=True).start()


def _begin_again(run: RunDirectory) -> None:
    """How it ended is not how it stands any more, also while its model is still being loaded. Raises OSError."""
    log = EventLog(run)
    log.phase(Phase.STARTING)
    log.close()
    state = {**directory.read_json(run.state), "phase": Phase.STARTING.value, "reason": ""}
    directory.write_json(run.state, {**state, "updated_at": time.time()})


def missing_packages() -> list[str]:
    """The packages of the training stack that are not installed."""
    return [name for name in NEEDED if version(name) is None]


def missing_files(preset: Preset) -> list[str]:
    """What a preset names on this machine that is not there, each with the key to set."""
    named = (
        ("model.model_name_or_path", preset.model.model_name_or_path),
        ("model.chat_template_path", preset.model.chat_template_path),
        ("data.train_dataset", preset.data.train_dataset),
        ("data.eval_dataset", preset.data.eval_dataset),
        ("data.general_eval_dataset", preset.data.general_eval_dataset),
        *(("data.mix", source.dataset) for source in preset.data.mix),
    )
    return [
        f"{key}: {value} does not exist. Give your own: --set {key}=PATH, or change it in the preset."
        for key, value in named
        if value is not None and value.startswith("/") and not Path(value).exists()
    ]


def version(package: str) -> str | None:
    """The installed version of a package, without importing it."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def choose_gpu(reading: gpu.GpuReading, choice: str | None) -> gpu.Gpu | None:
    """The GPU named by number ('1', or '1.0' for a MIG slice), UUID or part of its name; without a name the one with
    most free memory. None for the CPU: when that is the choice, or there is no GPU at all. Raises LaunchError when the
    choice fits none, and when there are GPUs of which none can be used: the CPU would take weeks, and in silence.
    """
    if choice == CPU:
        return None
    if choice is None:
        best = max(reading.healthy, key=lambda sample: sample.free_mib or 0, default=None)
        if best is None and (reading.samples or reading.is_sick):
            raise UnusableGpuError(_none_usable(reading))
        return best.gpu if best is not None else None
    problems = {sample.gpu: sample.problem for sample in reading.samples}
    problems |= dict.fromkeys(reading.hidden, "it is hidden by CUDA_VISIBLE_DEVICES")
    healthy = [one for one, problem in problems.items() if not problem]
    # "1" is the second card, also when that is ill, and not the first whose name has a 1 in it.
    found = _numbered(choice, list(problems)) or _named(choice, healthy) or _named(choice, list(problems))
    if found is None:
        names = [one.name for one in healthy]
        hint = nearest(choice, names) or (
            f" There are: {', '.join(names)}." if names else f" {reading.problem}."
        )
        raise LaunchError(f"There is no GPU {choice!r}.{hint} `--gpu cpu` trains on the CPU.")
    if problem := problems[found]:
        raise UnusableGpuError(
            f"GPU {found.number} ({found.name}) cannot be used: {problem}.\n{_others(healthy)}"
        )
    return found


def _numbered(choice: str, gpus: Sequence[gpu.Gpu]) -> gpu.Gpu | None:
    """The one with this number or UUID; the number of a card that is split names its first slice that is listed."""
    exact = [one for one in gpus if choice in (one.number, one.uuid)]
    return next(iter(exact or [one for one in gpus if choice == str(one.index)]), None)


def _named(choice: str, gpus: Sequence[gpu.Gpu]) -> gpu.Gpu | None:
    return next((one for one in gpus if choice.lower() in one.name.lower()), None)


def _others(healthy: Sequence[gpu.Gpu]) -> str:
    names = ", ".join(f"--gpu {one.number} ({one.name})" for one in healthy)
    return (
        f"Take another: {names}."
        if names
        else "`ftui doctor` shows every GPU; `--gpu cpu` trains on the CPU."
    )


def _none_usable(reading: gpu.GpuReading) -> str:
    """Two lines: what is with every GPU, and what can be done."""
    ill = [f"GPU {one.gpu.number} ({one.gpu.name}): {one.problem}" for one in reading.samples]
    return (
        f"No GPU can be used: {'; '.join(ill) or reading.problem}.\n"
        "Mend that (`ftui doctor` shows it again), or train on the CPU on purpose with `--gpu cpu`."
    )


def _record(run: RunDirectory, loaded: LoadedPreset, chosen: gpu.Gpu | None, trainer: str) -> dict[str, Any]:
    """What run.json says: how this run came to be."""
    return {
        "schema": 1,
        "id": run.id,
        "preset": loaded.name,
        "preset_path": str(loaded.path),
        "created_at": time.time(),
        "argv": shlex.join(sys.argv),
        "cwd": str(Path.cwd()),
        "engine": "trl",
        "trainer": trainer,
        "python": platform.python_version(),
        "host": platform.node(),
        "versions": {name: version(name) for name in (*STACK, "finetune-tui")},
        "gpu": None if chosen is None else chosen.as_record(),
        "driver": gpu.read().driver,
        "git_commit": _git_commit(loaded.path.parent),
    }


def _git_commit(folder: Path) -> str | None:
    """The commit of the repository a preset lives in, with -dirty when it has changes; None without git."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
