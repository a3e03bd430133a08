"""`ftui report`."""

from __future__ import annotations

from pathlib import Path

import click

from runner.report import write
from runner.store import directory, meant
from tui.cli import out
from tui.cli.parameters import RUN_OR_LAST


@click.command()
@RUN_OR_LAST
@click.option(
    "--output", "-o", type=click.Path(file_okay=False, path_type=Path), help="Another folder than the run's."
)
def report(run: str, output: Path | None) -> None:
    """Write report.md and curve.svg of a RUN: verdict, findings with evidence, evaluations, settings, data, samples.

    A run writes its own when it ends.

    \b
    ftui report last -o ./notes
    """
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
    out.echo(str(write(meant.find(run, directory.ftui_home()), output)))
