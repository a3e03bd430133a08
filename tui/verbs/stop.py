"""`ftui stop`."""

from __future__ import annotations

import click

from runner.queue import tickets
from runner.store import directory, requests, summary
from runner.supervision.reattach import adopt


def stop_run(name: str, now: bool) -> None:
    """Ask a run to stop. Raises RunNotFoundError, or OSError when its directory cannot be written."""
    run = directory.find_run(name, directory.ftui_home())
    if tickets.is_queued(run):
        # Also one that no process waits for: `ftui queue start` would let it start.
        tickets.remove(directory.ftui_home(), run)
        click.echo(f"{run.id} is taken out of the queue.")
        return
    phase = summary.phase_of(summary.read_state(run))
    if phase.is_over:
        click.echo(f"{run.id} is over already: {phase.value}")
        return
    adopt(run)
    if requests.stop(run, now):
        click.echo(f"{run.id} ends now; steps after its last checkpoint are lost.")
    else:
        click.echo(
            f"{run.id} finishes its step, writes a checkpoint and ends. (At once: ftui stop {run.id} --now)"
        )
