"""Putting runs into the queue, one or a sweep of them, and changing those that wait."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from runner import gpu
from runner.gpu import CPU
from runner.gpu_choice import choose_gpu
from runner.preset import files
from runner.preset.files import LoadedPreset
from runner.queue import tickets
from runner.queue.tickets import QueueError, Ticket
from runner.store.directory import RunDirectory
from runner.store.errors import LaunchError
from runner.store.events import Phase
from runner.supervision.launch import TRAINER, ensure_can_train, make_run
from runner.supervision.start import start_supervisor

# More than that in one command is a slip of the hand.
MOST_RUNS = 64


@dataclass(frozen=True)
class Variant:
    """One point of a sweep: what --set would say, and what its run's name gets behind the preset's."""

    overrides: tuple[str, ...] = ()
    label: str = ""


def variants(sweeps: Sequence[str]) -> list[Variant]:
    """Every combination of 'section.key=a,b,c'. Raises LaunchError for one without values, or too many of them."""
    axes = []
    for sweep in sweeps:
        key, equals, values = sweep.partition("=")
        found = [value.strip() for value in values.split(",") if value.strip()]
        if not equals or "." not in key or not found:
            raise LaunchError(
                f"--sweep {sweep}: values are missing. Like this: --sweep train.learning_rate=5e-5,1e-4,2e-4"
            )
        axes.append([(key.strip(), value) for value in found])
    count = math.prod(map(len, axes))
    if count > MOST_RUNS:
        raise LaunchError(f"That would be {count} runs, more than {MOST_RUNS}: take fewer values.")
    return [
        Variant(
            tuple(f"{key}={value}" for key, value in one),
            # The values alone: a list has little room, and what was swept is in each run's preset.
            "".join(f"-{value}" for _, value in one),
        )
        for one in itertools.product(*axes)
    ]


def enqueue(
    loaded: LoadedPreset,
    home: Path,
    gpu_choice: str | None = None,
    need_mib: int | None = None,
    first: bool = False,
    label: str = "",
    forced: bool = False,
    trainer: str = TRAINER,
) -> RunDirectory:
    """Make a run that starts when its GPU is free. `gpu_choice` is as for a launch; without one any GPU will do.
    Raises LaunchError or OSError.
    """
    ensure_can_train(loaded.preset)
    chosen = choose_gpu(gpu.read(), gpu_choice)
    wanted = CPU if chosen is None else chosen.uuid if gpu_choice is not None else None
    run = make_run(loaded, home, loaded.name + label, None, trainer, queued=True)
    with tickets.locked(home):
        tickets.write_ticket(run, Ticket(tickets.next_rank(home, first), wanted, need_mib, forced=forced))
        tickets.say(run, Phase.QUEUED, "")
    start_supervisor(run)
    return run


def wait_again(home: Path, only: RunDirectory | None = None) -> list[RunDirectory]:
    """Let every run in the queue (or only one) be waited for again whose waiting process is gone; returns them. Raises
    OSError.
    """
    again = []
    for one in tickets.waiting(home):
        if not one.is_alive and only in (None, one.run):
            try:
                start_supervisor(one.run)
            except LaunchError:
                # Another process was quicker.
                continue
            again.append(one.run)
    return again


def change(
    home: Path,
    run: RunDirectory,
    loaded: LoadedPreset,
    need_mib: int | None,
    gpu_choice: str | None = None,
    forced: bool = False,
) -> None:
    """Give a waiting run another preset, and with a choice another GPU to wait for, 'any' for whichever is free first.
    Raises QueueError when it has started meanwhile, LaunchError when there is no such GPU, or OSError.
    """
    chosen = None if gpu_choice in (None, "any") else choose_gpu(gpu.read(), gpu_choice)
    with tickets.locked(home):
        ticket = tickets.read_ticket(run)
        if ticket is None:
            raise QueueError(
                f"{run.id} has started, or was taken out; what it trains is frozen. Nothing was changed."
            )
        if run.preset.is_symlink():
            raise QueueError(f"{run.preset} is a link; nothing is written through it.")
        wanted = ticket.gpu
        if gpu_choice is not None:
            wanted = None if gpu_choice == "any" else chosen.uuid if chosen is not None else CPU
        files.dump(loaded.preset, run.preset)
        tickets.write_ticket(run, replace(ticket, gpu=wanted, need_mib=need_mib, forced=forced))
