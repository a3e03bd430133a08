"""Asking a run that trains for something between two steps."""

from __future__ import annotations

from runner.commands.own import ensure_alive
from runner.store import requests
from runner.store.directory import RunDirectory
from runner.store.requests import Request

# What it does then.
DOES = {
    Request.SAVE: "It writes a checkpoint after this step, and goes on.",
    Request.EVALUATE: "It is evaluated after this step, and goes on.",
    Request.SAMPLE: "It answers the sample prompts after this step, and goes on.",
}


def ask(run: RunDirectory, request: Request) -> str:
    """Ask a run for a checkpoint, an evaluation or answers; returns what it does. Raises LaunchError when it is not
    running or no run of ftui's, or OSError when its directory cannot be written.
    """
    does = DOES[request]
    ensure_alive(run)
    requests.ask(run, request)
    return does
