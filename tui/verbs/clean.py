"""`ftui clean`."""

from __future__ import annotations

import click

from runner.insight.figures import size
from runner.store import directory, disk_usage
from tui.verbs.text import print_table


def clean(names: tuple[str, ...], do_it: bool) -> None:
    """Print what runs hold, and remove old checkpoints if asked to. Raises RunNotFoundError or OSError."""
    home = directory.ftui_home()
    runs = [directory.find_run(name, home) for name in names] if names else directory.list_runs(home)
    with click.progressbar(runs, label="looking", show_pos=True) as bar:
        held = sorted((disk_usage.holding(run) for run in bar), key=lambda one: -one.total)
    if not held:
        click.echo("No runs, nothing to clean.")
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
        click.echo("Nothing can go: of every run only the best and the last checkpoint are there.")
    elif not do_it:
        click.echo(f"\n{size(freed)} in {count} checkpoints can go; the best and the last of every run stay.")
        click.echo("Remove them: ftui clean --yes")
    else:
        for one in held:
            for checkpoint in one.removable:
                disk_usage.remove(one.run, checkpoint)
        click.echo(f"\n{count} checkpoints removed, {size(freed)} free again.")
