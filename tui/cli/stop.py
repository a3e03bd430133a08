"""`ftui stop`."""

from __future__ import annotations

import click

from runner.commands.stop import Stop
from runner.commands.stop import stop as ask_to_stop
from runner.store import directory, meant, summary
from runner.store.meant import For
from tui.cli import out
from tui.cli.parameters import RUN_OR_LAST


@click.command()
@RUN_OR_LAST
@click.option("--now", is_flag=True, help="End it at once; steps after the last checkpoint are lost.")
def stop(run: str, now: bool) -> None:
    """Stop a RUN: it finishes its step, writes a full checkpoint and the best adapter, and ends as stopped.

    Asked again (after two seconds), it ends at once. A run in the queue is taken out of it.
    """
    found = meant.find(run, directory.ftui_home(), For.ACTING)
    done = ask_to_stop(found, now)
    more = ""
    if done is Stop.FINISHES_STEP:
        more = f" (At once: ftui stop {found.id} --now)"
    elif done is Stop.OVER:
        more = f": {summary.phase_of(summary.read_state(found)).value}"
    out.echo(f"{found.id} {done.value}{more}")
