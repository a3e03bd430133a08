"""`ftui watch`."""

from __future__ import annotations

import sys

import click

from runner.store.directory import ftui_home
from runner.store.meant import For
from runner.supervision.reattach import reattach
from tui.cli.follow import follow, follow_trace
from tui.cli.parameters import MAP, PLAIN, RUN_OR_LAST
from tui.cli.run_source import source_of
from tui.cli.screen import open_screen


@click.command()
@RUN_OR_LAST
@PLAIN
@MAP
def watch(run: str, plain: bool, names: str) -> None:
    """Open the screen on a RUN with its whole history, live if it lives.

    RUN is an id, a unique part of one, `last` (the one that lives, else the newest), or the path of a run started
    elsewhere: its output directory, a folder above, or one file; `ftui diagnose --help` says what is read. An empty log
    is waited for. Of several runs in a folder you choose one; without a terminal it is the newest.

    With --plain the verdict is printed when it arises and when it changes, and the exit code is 0 when the run finished
    and 1 when its trace stopped growing.

    \b
    ftui watch last
    ftui watch ~/axolotl/outputs/lora-out
    ftui watch train.log --plain
    ftui watch my_log.csv --map loss=nll,step=batch
    """
    found = source_of(run, names, For.WATCHING)
    if found.run is not None and found.run.home == ftui_home():
        reattach(found.run)
    if not plain and sys.stdout.isatty():
        open_screen(found)
    else:
        sys.exit(follow(found.run) if found.run is not None else follow_trace(found))
