"""`ftui ask`."""

from __future__ import annotations

import click

from runner.commands.ask import DOES
from runner.commands.ask import ask as ask_run
from runner.store import directory, meant
from runner.store.meant import For
from runner.store.requests import Request
from tui.cli import out
from tui.cli.parameters import RUN_OR_LAST


@click.command()
@click.argument("what", type=click.Choice([request.value for request in DOES]))
@RUN_OR_LAST
def ask(what: str, run: str) -> None:
    """Ask a living RUN for something between two steps: a checkpoint, an evaluation, answers to its sample prompts.

    \b
    ftui ask save last
    """
    found = meant.find(run, directory.ftui_home(), For.ACTING)
    out.echo(f"{found.id}: {ask_run(found, Request(what))}")
