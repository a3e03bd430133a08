"""`ftui queue` and its verbs."""

from __future__ import annotations

import dataclasses

import click

from runner.commands import enqueue
from runner.queue import tickets
from runner.queue.tickets import QueueError
from runner.store import directory, summary
from runner.store.directory import RunDirectory, ftui_home
from tui.models.queue_view import read_queue
from tui.models.run_view import name_of
from tui.verbs.text import print_json, print_table, waiting


def show(as_json: bool) -> None:
    """Print what waits, the next one first."""
    view = read_queue(ftui_home())
    if as_json:
        print_json([dataclasses.asdict(row) for row in view.rows])
        return
    if not view.rows:
        click.echo("Nothing waits. Put something there: ftui queue add PRESET")
    else:
        print_table(
            [(str(row.place), row.id, row.target, row.need, row.why) for row in view.rows],
            ("", "run", "on", "needs", "waits, because"),
        )
    if view.paused:
        click.secho("The whole queue is paused. Let it go on: ftui queue start", fg="yellow")
    elif view.is_forsaken:
        click.secho("For some no process waits. Let them wait again: ftui queue start", fg="yellow")


def add(
    presets: tuple[str, ...],
    overrides: tuple[str, ...],
    sweeps: tuple[str, ...],
    gpu: str | None,
    first: bool,
    force: bool,
) -> None:
    """Put presets into the queue; says where. Raises PresetError, LaunchError or OSError."""
    from runner.commands.judged_enqueue import enqueue_all, judge

    home = ftui_home()
    judged = []
    for preset in presets:
        with waiting(f"Looking at {preset} and its data …"):
            judged += judge(preset, home, overrides, sweeps, gpu, force)
    for run in enqueue_all(judged, home, gpu, first):
        click.echo(run.id)
    if tickets.is_paused(home):
        click.secho("The whole queue is paused: ftui queue start", fg="yellow", err=True)


def find(name: str) -> RunDirectory:
    """A waiting run by its place, its id or a unique part of it. Raises RunNotFoundError or QueueError."""
    home = ftui_home()
    waiting = tickets.waiting(home)
    if name.isdecimal() and 1 <= int(name) <= len(waiting):
        return waiting[int(name) - 1].run
    matches = [one.run for one in waiting if name in one.run.id]
    if len(matches) == 1:
        return matches[0]
    if len(matches) > 1:
        raise QueueError(
            f"{len(matches)} waiting runs have {name!r} in their id. Give more of it, or its place."
        )
    run = directory.find_run(name, home)
    if tickets.is_queued(run):
        # Found by its path, or as the last one.
        return run
    phase = summary.phase_of(summary.read_state(run)).value
    raise QueueError(f"{run.id} is not in the queue ({phase}). `ftui queue` shows what waits.")


def move(name: str, where: str) -> None:
    """Move a waiting run. Raises QueueError or OSError."""
    home, run = ftui_home(), find(name)
    order = [one.run.id for one in tickets.waiting(home)]
    now = order.index(run.id) + 1 if run.id in order else 1
    places = {"first": 1, "last": len(order), "up": now - 1, "down": now + 1}
    if where not in places and not where.isdecimal():
        raise QueueError(f"{where!r} is no place. Say first, last, up, down, or a number.")
    place = tickets.move(home, run, places[where] if where in places else int(where))
    click.echo(f"{run.id} is number {place}.")


def edit(name: str, overrides: tuple[str, ...], gpu: str | None, force: bool) -> None:
    """Change a waiting run. Raises PresetError, LaunchError, QueueError or OSError."""
    from runner.commands.judged_enqueue import change

    home, run = ftui_home(), find(name)
    if not (overrides or gpu is not None or force):
        raise QueueError("Say what to change: --set SECTION.KEY=VALUE, --gpu, or --force.")
    with waiting("Looking at it and its data …"):
        change(home, run, overrides, gpu, force)
    click.echo(f"{run.id} is changed.")


def remove(names: tuple[str, ...]) -> None:
    """Take runs out. Raises QueueError or OSError."""
    # Each once, and all of them found before the first is gone.
    for run in dict.fromkeys([find(name) for name in names]):
        tickets.remove(ftui_home(), run)
        click.echo(f"{name_of(run.id)} ({run.id}) is taken out.")


def pause(name: str | None) -> None:
    """Hold a run or the queue. Raises QueueError or OSError."""
    run = find(name) if name is not None else None
    tickets.pause(ftui_home(), run, True)
    click.echo(f"{run.id if run else 'The queue'} is paused; what runs goes on.")


def start(name: str | None) -> None:
    """Let a run or the queue go on. Raises QueueError or OSError."""
    home = ftui_home()
    run = find(name) if name is not None else None
    tickets.pause(home, run, False)
    again = enqueue.wait_again(home, run)
    click.echo(f"{run.id if run else 'The queue'} goes on.")
    if again:
        click.echo(f"No process had waited for {', '.join(name_of(one.id) for one in again)}; now one does.")
