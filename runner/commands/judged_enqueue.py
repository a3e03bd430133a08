"""Runs for the queue, judged before they wait: what they need of a GPU is part of their ticket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.check.gate import need_mib, pass_gate
from runner.commands import enqueue
from runner.preset import files
from runner.preset.files import LoadedPreset
from runner.queue import tickets
from runner.queue.tickets import QueueError
from runner.store.directory import RunDirectory
from runner.supervision.launch import TRAINER, ensure_can_train


@dataclass(frozen=True)
class Judged:
    """A preset that may wait: `label` goes behind its name, `need_mib` is None while that is unknown."""

    loaded: LoadedPreset
    need_mib: int | None
    label: str = ""
    forced: bool = False


def judge(
    preset: str,
    home: Path,
    overrides: Sequence[str] = (),
    sweeps: Sequence[str] = (),
    gpu_choice: str | None = None,
    force: bool = False,
) -> list[Judged]:
    """Judge every combination of a sweep; without one there is one. Raises PresetError, or LaunchError when one of them
    is refused.
    """
    found = []
    for variant in enqueue.variants(sweeps):
        loaded = files.load(preset, home, (*overrides, *variant.overrides))
        # The gate leaves this to the launch, and there others would wait already.
        ensure_can_train(loaded.preset)
        need = None if force else need_mib(pass_gate(loaded, home, gpu_choice, queued=True))
        found.append(Judged(loaded, need, variant.label, force))
    return found


def enqueue_all(
    judged: Sequence[Judged],
    home: Path,
    gpu_choice: str | None = None,
    first: bool = False,
    trainer: str = TRAINER,
) -> list[RunDirectory]:
    """Put them into the queue in this order. Raises LaunchError or OSError."""
    # The last one put first is the first.
    order = list(reversed(judged)) if first else list(judged)
    made = [
        enqueue.enqueue(one.loaded, home, gpu_choice, one.need_mib, first, one.label, one.forced, trainer)
        for one in order
    ]
    return list(reversed(made)) if first else made


def change(
    home: Path,
    run: RunDirectory,
    overrides: Sequence[str],
    gpu_choice: str | None = None,
    force: bool = False,
) -> None:
    """Change settings of a waiting run, or the GPU it waits for ('any' for whichever is free first), and judge it
    again, unless it was forced. Raises PresetError, LaunchError, QueueError or OSError; then nothing is changed.
    """
    ticket = tickets.read_ticket(run)
    if ticket is None:
        raise QueueError(f"{run.id} is not in the queue: it has started, or was taken out.")
    loaded = files.load(str(run.preset), home, tuple(overrides))
    wanted = ticket.gpu if gpu_choice is None else None if gpu_choice == "any" else gpu_choice
    forced = force or ticket.forced
    ensure_can_train(loaded.preset)
    need = None if forced else need_mib(pass_gate(loaded, home, wanted, queued=True))
    enqueue.change(home, run, loaded, need, gpu_choice, forced)
