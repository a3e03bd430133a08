"""`ftui report`."""

from __future__ import annotations

from pathlib import Path

import click

from runner.report import write
from runner.store import directory


def report(name: str, folder: Path | None) -> None:
    """Write a run's report and say where it is. Raises RunNotFoundError or OSError."""
    run = directory.find_run(name, directory.ftui_home())
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    click.echo(str(write(run, folder)))
