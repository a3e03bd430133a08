"""The `ftui` command itself."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from typing import Any

import click

from tui.cli import out
from tui.cli.lazy import LazyGroup
from tui.cli.screen import open_screen

CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

HEADINGS = {
    "Presets": {
        "presets": "List presets, show one, make one of your own, compare two.",
        "check": "Judge a preset before it is launched: batch, memory, data, settings.",
        "import": "Make a preset of a config of Axolotl, LLaMA-Factory, TRL or Unsloth, or of a script.",
        "export-config": "Write a preset as a config of one of these.",
    },
    "Runs": {
        "run": "Start a run of a preset and follow it.",
        "watch": "Open the screen on a run, also on one of another trainer.",
        "stop": "Stop a run; it saves first.",
        "resume": "Go on with a run that stopped, failed or died.",
        "ask": "Ask a living run for a checkpoint, an evaluation, or answers.",
        "queue": "Runs that wait for their GPU: list, add, move, edit, remove.",
    },
    "What came of them": {
        "ls": "List runs, newest first, with their progress and verdict.",
        "show": "Show one run: settings, curves, verdict, files.",
        "diagnose": "Judge a run by its curves: one of ftui's, or what another trainer left.",
        "explain": "Say what a finding means and what to do about it.",
        "compare": "Hold runs against the first one, and say whether the difference can be seen.",
        "report": "Write report.md and curve.svg of a run.",
    },
    "This machine": {
        "doctor": "Check driver, GPUs, PyTorch, compiler, disk, terminal.",
        "status": "One line on the runs that live, for a status bar.",
        "clean": "Show what runs hold on disk, and remove what can go.",
    },
}


def _print_version(ctx: click.Context) -> None:
    out.echo(f"ftui, version {version('finetune-tui')}")
    ctx.exit()


@click.group(
    cls=LazyGroup,
    package="tui.cli",
    headings=HEADINGS,
    invoke_without_command=True,
    context_settings=CONTEXT,
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda ctx, _, wanted: _print_version(ctx) if wanted else None,
    help="Show the version and exit.",
)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Fine-tune language models on your own GPU: presets, detached runs, live curves, plain verdicts.

    Without a verb, ftui opens its screen. A run is a process of its own: close the screen, the terminal or the
    connection, and it goes on.

    \b
    A first run:                  ftui run demo
    A real one:                   ftui run qlora-quickstart --set data.train_dataset=./chats.jsonl
    Find it again:                ftui             (or: ftui watch last)
    Everything in text:           ftui run demo --plain, ftui ls, ftui show last
    """
    # https://no-color.org; click does not look for it.
    if os.environ.get("NO_COLOR"):
        ctx.color = False
    if ctx.invoked_subcommand is None:
        open_screen(None)


def main() -> None:
    """The `ftui` command."""
    sys.excepthook = out.print_traceback
    # With a mask like 0777 it could not read what it has just written.
    os.umask(os.umask(0o077) & 0o077)
    cli(prog_name="ftui")
