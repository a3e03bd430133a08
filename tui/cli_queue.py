"""`ftui queue`: runs that wait for their GPU. Every verb imports what it needs inside itself."""

from __future__ import annotations

import click

from tui.command import Nearest, tell


@click.group(cls=Nearest, invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
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
        from tui.verbs.queue import show

        tell(lambda: show(as_json))


@queue.command()
@click.argument("presets", nargs=-1, required=True, metavar="PRESET…")
@click.option(
    "--set", "overrides", multiple=True, metavar="SECTION.KEY=VALUE", help="Change one setting. Repeatable."
)
@click.option(
    "--sweep",
    "sweeps",
    multiple=True,
    metavar="SECTION.KEY=A,B,C",
    help="A run for every value; with several, for every combination.",
)
@click.option("--gpu", metavar="INDEX|UUID|NAME|cpu", help="Which GPU; without it whichever is free first.")
@click.option("--first", is_flag=True, help="Before those that wait already.")
@click.option("--force", is_flag=True, help="Even what `ftui check` would refuse.")
def add(
    presets: tuple[str, ...],
    overrides: tuple[str, ...],
    sweeps: tuple[str, ...],
    gpu: str | None,
    first: bool,
    force: bool,
) -> None:
    """Put presets at the end of the queue. Each is judged now; when one is refused, none is put there.

    \b
    ftui queue add demo my-chats --gpu 0
    ftui queue add demo --sweep train.learning_rate=5e-4,1e-3 --sweep lora.r=8,16
    """
    from tui.verbs.queue import add as add_runs

    tell(lambda: add_runs(presets, overrides, sweeps, gpu, first, force))


@queue.command()
@click.argument("run")
@click.argument("where", metavar="first|last|up|down|PLACE")
def move(run: str, where: str) -> None:
    """Move a waiting RUN to another place.

    \b
    ftui queue move 7f3a first
    ftui queue move 7f3a 3
    """
    from tui.verbs.queue import move as move_run

    tell(lambda: move_run(run, where))


@queue.command()
@click.argument("run")
@click.option("--set", "overrides", multiple=True, metavar="SECTION.KEY=VALUE", help="Change one setting.")
@click.option("--gpu", metavar="INDEX|UUID|NAME|cpu|any", help="Wait for another GPU, or for any.")
@click.option("--force", is_flag=True, help="Let it wait even if `ftui check` would refuse it.")
def edit(run: str, overrides: tuple[str, ...], gpu: str | None, force: bool) -> None:
    """Change a RUN that has not started yet. (In the screen: `w`, then `e` opens it in the form.)

    \b
    ftui queue edit 7f3a --set train.num_train_epochs=2
    """
    from tui.verbs.queue import edit as edit_run

    tell(lambda: edit_run(run, overrides, gpu, force))


@queue.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN…")
def remove(runs: tuple[str, ...]) -> None:
    """Take RUNs out of the queue. They stay in the list of runs, as stopped."""
    from tui.verbs.queue import remove as remove_runs

    tell(lambda: remove_runs(runs))


@queue.command()
@click.argument("run", required=False)
def pause(run: str | None) -> None:
    """Hold a RUN, or without one the whole queue: nothing starts until `ftui queue start`. What runs goes on."""
    from tui.verbs.queue import pause as pause_queue

    tell(lambda: pause_queue(run))


@queue.command()
@click.argument("run", required=False)
def start(run: str | None) -> None:
    """Let a paused RUN, or without one the whole queue, go on waiting; also what a reboot left unattended."""
    from tui.verbs.queue import start as start_queue

    tell(lambda: start_queue(run))
