"""`ftui queue` and its verbs."""

from __future__ import annotations

import dataclasses

import click

from runner.commands import queued
from runner.commands.enqueue import assess_all, enqueue_all
from runner.queue import tickets
from runner.queue.tickets import QueueError
from runner.store import directory, summary
from runner.store.directory import RunDirectory, ftui_home
from tui.cli import out
from tui.cli.lazy import NearestGroup
from tui.cli.parameters import RUN, force_option, gpu_option, json_option, set_option
from tui.cli.text import print_json, print_table, waiting
from tui.models.queue_view import read_queue
from tui.models.run_view import name_of


@click.group(cls=NearestGroup, invoke_without_command=True)
@json_option("One JSON array.")
@click.pass_context
def queue(ctx: click.Context, as_json: bool) -> None:
    """Runs that wait: each starts when it is its turn, its GPU has no other run, and the VRAM it needs is free.

    Without a verb it lists them. There is no daemon to keep alive: every waiting run is a small process of its own that
    goes on when you log out. After a reboot `ftui queue start` lets them wait again. A failure holds no other run up.

    \b
    ftui queue add my-chats
    ftui queue add my-chats --sweep train.learning_rate=5e-5,1e-4,2e-4
    ftui queue move 7f3a first
    """
    if ctx.invoked_subcommand is None:
        _show(as_json)


def _show(as_json: bool) -> None:
    view = read_queue(ftui_home())
    if as_json:
        print_json([dataclasses.asdict(row) for row in view.rows])
        return
    if not view.rows:
        out.echo("Nothing waits. Put something there: ftui queue add PRESET")
    else:
        print_table(
            [(str(row.place), row.id, row.target, row.need, row.why) for row in view.rows],
            ("", "run", "on", "needs", "waits, because"),
        )
    if view.paused:
        out.echo(out.styled("The whole queue is paused. Let it go on: ftui queue start", fg="yellow"))
    elif view.is_forsaken:
        out.echo(out.styled("For some no process waits. Let them wait again: ftui queue start", fg="yellow"))


@queue.command()
@click.argument("presets", nargs=-1, required=True, metavar="PRESET…")
@set_option()
@click.option(
    "--sweep",
    "sweeps",
    multiple=True,
    metavar="SECTION.KEY=A,B,C",
    help="A run for every value; with several, for every combination.",
)
@gpu_option("Which GPU; without it whichever is free first.")
@click.option("--first", is_flag=True, help="Before those that wait already.")
@force_option("Even what `ftui check` would refuse.")
def add(
    presets: tuple[str, ...],
    overrides: tuple[str, ...],
    sweeps: tuple[str, ...],
    gpu: str | None,
    first: bool,
    force: bool,
) -> None:
    """Put presets at the end of the queue. Each is assessed now; when one is refused, none is put there.

    \b
    ftui queue add demo my-chats --gpu 0
    ftui queue add demo --sweep train.learning_rate=5e-4,1e-3 --sweep lora.r=8,16
    """
    home = ftui_home()
    assessed = []
    for preset in presets:
        with waiting(f"Looking at {preset} and its data …"):
            assessed += assess_all(preset, home, overrides, sweeps, gpu, force)
    for run in enqueue_all(assessed, home, gpu, first):
        out.echo(run.id)
    if tickets.is_paused(home):
        out.echo(out.styled("The whole queue is paused: ftui queue start", fg="yellow"), err=True)


@queue.command()
@RUN
@click.argument("where", metavar="first|last|up|down|PLACE")
def move(run: str, where: str) -> None:
    """Move a waiting RUN to another place.

    \b
    ftui queue move 7f3a first
    ftui queue move 7f3a 3
    """
    home, found = ftui_home(), _find(run)
    order = [one.run.id for one in tickets.waiting(home)]
    now = order.index(found.id) + 1 if found.id in order else 1
    places = {"first": 1, "last": len(order), "up": now - 1, "down": now + 1}
    if where not in places and not where.isdecimal():
        raise QueueError(f"{where!r} is no place. Say first, last, up, down, or a number.")
    place = tickets.move(home, found, places[where] if where in places else int(where))
    out.echo(f"{found.id} is number {place}.")


@queue.command()
@RUN
@set_option("Change one setting.")
@gpu_option("Wait for another GPU, or for any.", "INDEX|UUID|NAME|cpu|any")
@force_option("Let it wait even if `ftui check` would refuse it.")
def edit(run: str, overrides: tuple[str, ...], gpu: str | None, force: bool) -> None:
    """Change a RUN that has not started yet. (In the screen: `w`, then `e` opens it in the form.)

    \b
    ftui queue edit 7f3a --set train.num_train_epochs=2
    """
    home, found = ftui_home(), _find(run)
    if not (overrides or gpu is not None or force):
        raise QueueError("Say what to change: --set SECTION.KEY=VALUE, --gpu, or --force.")
    with waiting("Looking at it and its data …"):
        queued.change(home, found, overrides, gpu, force)
    out.echo(f"{found.id} is changed.")


@queue.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN…")
def remove(runs: tuple[str, ...]) -> None:
    """Take RUNs out of the queue. They stay in the list of runs, as stopped."""
    # Each once, and all of them found before the first is gone.
    for run in dict.fromkeys([_find(name) for name in runs]):
        tickets.remove(ftui_home(), run)
        out.echo(f"{name_of(run.id)} ({run.id}) is taken out.")


@queue.command()
@click.argument("run", required=False)
def pause(run: str | None) -> None:
    """Hold a RUN, or without one the whole queue: nothing starts until `ftui queue start`. What runs goes on."""
    found = _find(run) if run is not None else None
    tickets.pause(ftui_home(), found, True)
    out.echo(f"{found.id if found else 'The queue'} is paused; what runs goes on.")


@queue.command()
@click.argument("run", required=False)
def start(run: str | None) -> None:
    """Let a paused RUN, or without one the whole queue, go on waiting; also what a reboot left unattended."""
    home = ftui_home()
    found = _find(run) if run is not None else None
    tickets.pause(home, found, False)
    again = queued.wait_again(home, found)
    out.echo(f"{found.id if found else 'The queue'} goes on.")
    if again:
        out.echo(f"No process had waited for {', '.join(name_of(one.id) for one in again)}; now one does.")


def _find(name: str) -> RunDirectory:
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
