"""`ftui ls`."""

from __future__ import annotations

import dataclasses

import click

from runner.store import directory
from tui.services.run_reader import read_row
from tui.verbs.text import loss, percent, print_json, print_table


def list_runs(limit: int, as_json: bool) -> None:
    """Print the newest runs; all of them with a limit of 0."""
    home = directory.ftui_home()
    runs = directory.list_runs(home)
    rows = [read_row(run) for run in (runs[:limit] if limit > 0 else runs)]
    if as_json:
        print_json([dataclasses.asdict(row) for row in rows])
        return
    if not rows:
        click.echo(f"No runs in {directory.runs_folder(home)} yet. Start one: ftui run demo")
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
        click.secho(f"{len(runs) - len(rows)} older ones: ftui ls -n 0", dim=True)
