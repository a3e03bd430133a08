"""`ftui ls`."""

from __future__ import annotations

import dataclasses

import click

from runner.store import directory
from tui.cli import out
from tui.cli.parameters import json_option
from tui.cli.text import loss, percent, print_json, print_table
from tui.services.run_reader import read_row


@click.command()
@json_option("One JSON array.")
@click.option("--limit", "-n", default=20, show_default=True, help="How many, newest first; 0 for all.")
def ls(as_json: bool, limit: int) -> None:
    """List runs, newest first, with their progress and verdict."""
    home = directory.ftui_home()
    runs = directory.list_runs(home)
    rows = [read_row(run) for run in (runs[:limit] if limit > 0 else runs)]
    if as_json:
        print_json([dataclasses.asdict(row) for row in rows])
        return
    if not rows:
        out.echo(f"No runs in {directory.runs_folder(home)} yet. Start one: ftui run demo")
        return
    print_table(
        [
            (
                row.id,
                row.phase.value,
                percent(row.progress),
                loss(row.loss),
                loss(row.best_loss),
                row.answers,
                row.verdict if row.step else "",
            )
            for row in rows
        ],
        ("run", "state", "done", "loss", "best eval", "answers", "verdict"),
        optional="answers",
    )
    if len(rows) < len(runs):
        out.echo(out.styled(f"{len(runs) - len(rows)} older ones: ftui ls -n 0", dim=True))
