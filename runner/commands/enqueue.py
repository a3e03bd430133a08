"""Putting runs into the queue, one or a sweep of them. Each is assessed first: what it needs of a GPU is
part of its ticket.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runner import gpu
from runner.check.gate import need_mib, pass_gate
from runner.gpu import CPU
from runner.gpu_choice import choose_gpu
from runner.preset import files
from runner.preset.files import LoadedPreset
from runner.queue import tickets
from runner.queue.tickets import Ticket
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


@dataclass(frozen=True)
class Assessed:
    """A preset that may wait: `label` goes behind its name, `need_mib` is None while that is unknown."""

    loaded: LoadedPreset
    need_mib: int | None
    label: str = ""
    forced: bool = False


def assess_all(
    preset: str,
    home: Path,
    overrides: Sequence[str] = (),
    sweeps: Sequence[str] = (),
    gpu_choice: str | None = None,
    force: bool = False,
) -> list[Assessed]:
    """Judge every combination of a sweep; without one there is one. Raises PresetError, or LaunchError when one of them
    is refused.
    """
    found = []
    for variant in variants(sweeps):
        loaded = files.load(preset, home, (*overrides, *variant.overrides))
        # The gate leaves this to the launch, and there others would wait already.
        ensure_can_train(loaded.preset)
        need = None if force else need_mib(pass_gate(loaded, home, gpu_choice, queued=True))
        found.append(Assessed(loaded, need, variant.label, force))
    return found


def enqueue_all(
    assessed: Sequence[Assessed],
    home: Path,
    gpu_choice: str | None = None,
    first: bool = False,
    trainer: str = TRAINER,
) -> list[RunDirectory]:
    """Put them into the queue in this order. Raises LaunchError or OSError."""
    # The last one put first is the first.
    order = list(reversed(assessed)) if first else list(assessed)
    made = [
        enqueue(one.loaded, home, gpu_choice, one.need_mib, first, one.label, one.forced, trainer)
        for one in order
    ]
    return list(reversed(made)) if first else made
