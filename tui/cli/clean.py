"""`ftui clean`."""

from __future__ import annotations

import click

from runner.commands.clean import clean as delete
from runner.insight.figures import size
from runner.store import directory, disk_usage
from tui.cli import out
from tui.cli.text import print_table


@click.command()
@click.argument("runs", nargs=-1)
@click.option("--yes", is_flag=True, help="Remove what can go.")
def clean(runs: tuple[str, ...], yes: bool) -> None:
    """Show what each run holds on disk, and which checkpoints can go.

    The best and the last whole checkpoint of every run stay, and everything of runs that live. Nothing is removed
    without --yes.

    \b
    ftui clean
    ftui clean 7f3a --yes
    """
    home = directory.ftui_home()
    chosen = [directory.find_run(name, home) for name in runs] if runs else directory.list_runs(home)
    with out.progress(chosen, "looking") as bar:
        held = sorted((disk_usage.holding(run) for run in bar), key=lambda one: -one.total)
    if not held:
        out.echo("No runs, nothing to clean.")
        return
    rows = [
        (
            one.run.id,
            size(one.total),
            size(one.in_checkpoints),
            size(one.adapter),
            "running" if one.is_alive else size(one.freed) if one.freed else "",
        )
        for one in held
    ]
    print_table(rows, ("run", "holds", "checkpoints", "adapter", "can go"))
    freed = sum(one.freed for one in held)
    count = sum(len(one.removable) for one in held)
    if not count:
        out.echo("Nothing can go: of every run only the best and the last checkpoint are there.")
    elif not yes:
        out.echo()
        out.echo(f"{size(freed)} in {count} checkpoints can go; the best and the last of every run stay.")
        out.echo("Remove them: ftui clean --yes")
    else:
        done = delete(held)
        out.echo()
        out.echo(f"{done.count} checkpoints removed, {size(done.freed)} free again.")
        for why in done.skipped:
            out.echo(f"Nothing removed: {why}")
