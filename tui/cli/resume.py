"""`ftui resume`."""

from __future__ import annotations

import sys

import click

from runner.commands.resume import resume as go_on
from runner.store import directory, meant
from runner.store.meant import For
from tui.cli import out
from tui.cli.follow import follow
from tui.cli.parameters import PLAIN, RUN_OR_LAST
from tui.cli.screen import open_screen
from tui.services.run_reader import RunSource


@click.command()
@RUN_OR_LAST
@click.option("--step", type=int, metavar="N", help="Go on from checkpoint-N instead of the last whole one.")
@PLAIN
@click.option("--detach", "-d", is_flag=True, help="Start it and return.")
@click.option(
    "--trust-remote-code", is_flag=True, help="Let code run that a RUN from elsewhere brings along."
)
def resume(run: str, step: int | None, plain: bool, detach: bool, trust_remote_code: bool) -> None:
    """Go on with a RUN that stopped, failed or died, from its last whole checkpoint.

    The next step is the one after the checkpoint, with the learning rate and the rows it would have had. It is refused
    when data, effective batch or number of steps are not what they were.

    \b
    ftui resume last
    ftui resume 7f3a --step 300
    """
    found = meant.find(run, directory.ftui_home(), For.GOING_ON)
    out.echo(f"{found.id} {go_on(found, step, trusts_code=trust_remote_code).words}")
    if detach:
        return
    if plain or not sys.stdout.isatty():
        sys.exit(follow(found))
    open_screen(RunSource(found))
