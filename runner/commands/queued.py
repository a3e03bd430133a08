"""Changing runs that wait in the queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from runner import gpu
from runner.check.gate import need_mib, pass_gate
from runner.gpu import CPU
from runner.gpu_choice import choose_gpu
from runner.preset import files
from runner.preset.files import LoadedPreset
from runner.queue import tickets
from runner.queue.tickets import QueueError
from runner.store import launched
from runner.store.directory import RunDirectory
from runner.store.errors import LaunchError, TakenError
from runner.supervision.launch import ensure_can_train
from runner.supervision.start import start_supervisor


def wait_again(home: Path, only: RunDirectory | None = None) -> list[RunDirectory]:
    """Let every run in the queue (or only one) be waited for again whose waiting process is gone; returns them. Raises
    LaunchError, when all others wait, saying which may not be started and why; and OSError.
    """
    again, refused = [], []
    for one in tickets.waiting(home):
        if not one.is_alive and only in (None, one.run):
            try:
                start_supervisor(one.run)
            except TakenError:
                # Another process was quicker.
                continue
            except LaunchError as error:
                refused.append(str(error))
                continue
            again.append(one.run)
    if refused:
        raise LaunchError("\n".join(refused))
    return again


def change(
    home: Path,
    run: RunDirectory,
    overrides: Sequence[str],
    gpu_choice: str | None = None,
    force: bool = False,
) -> None:
    """Change settings of a waiting run, or the GPU it waits for ('any' for whichever is free first), and assess it
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
    rewrite(home, run, loaded, need, gpu_choice, forced)


def rewrite(
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
        launched.note(run)
        tickets.write_ticket(run, replace(ticket, gpu=wanted, need_mib=need_mib, forced=forced))
