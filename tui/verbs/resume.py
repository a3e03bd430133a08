"""`ftui resume` and what else can be asked of a run."""

from __future__ import annotations

import click

from runner.store import directory, requests, summary
from runner.store.errors import LaunchError
from runner.store.history import whole
from runner.store.requests import Request
from runner.supervision.resume import resume, to_resume_from

DONE = {
    Request.SAVE: "It writes a checkpoint after this step.",
    Request.EVALUATE: "It evaluates after this step.",
    Request.SAMPLE: "It answers the sample prompts after this step.",
}


def resume_run(name: str, step: int | None) -> directory.RunDirectory:
    """Go on with a run. Raises RunNotFoundError or LaunchError."""
    run = directory.find_run(name, directory.ftui_home())
    at = to_resume_from(run, step)
    if at is None:
        click.echo(f"{run.id} waits for its turn again.")
        resume(run)
        return run
    made = whole(summary.read_state(run).get("step")) or 0
    lost = max(0, made - at.step)
    again = f"; steps {at.step + 1} to {made} are made again" if lost else ""
    resume(run, step)
    click.echo(f"{run.id} goes on from {at.path.name}{again}.")
    return run


def ask_run(name: str, request: Request) -> None:
    """Ask something of a living run. Raises RunNotFoundError, LaunchError or OSError."""
    run = directory.find_run(name, directory.ftui_home())
    if not summary.is_alive(run):
        phase = summary.phase_of(summary.read_state(run)).value
        raise LaunchError(f"{run.id} is not running ({phase}), so there is nothing to ask of it.")
    requests.ask(run, request)
    click.echo(f"{run.id}: {DONE[request]}")
