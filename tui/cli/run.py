"""`ftui run`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from runner.commands.first_run import is_data_file, propose
from runner.commands.launch import Launch, launch
from runner.data.errors import DataError
from runner.gpu_choice import UnusableGpuError
from runner.store.directory import ftui_home
from tui.cli import out
from tui.cli.follow import follow
from tui.cli.parameters import (
    MODEL,
    PLAIN,
    PRESET,
    SKIP_BAD,
    force_option,
    gpu_option,
    json_option,
    set_option,
)
from tui.cli.screen import open_screen
from tui.cli.text import print_json, waiting
from tui.services.run_reader import RunSource


@click.command()
@PRESET
@set_option()
@gpu_option("Which GPU; without it the one with most free memory.")
@PLAIN
@click.option("--detach", "-d", is_flag=True, help="Start it, print its id and return.")
@json_option("With --detach: print id and directory as JSON.")
@force_option("Launch even what `ftui check` would refuse.")
@MODEL
@SKIP_BAD
@click.option("--yes", "-y", is_flag=True, help="With a file of rows: do not ask.")
def run(
    preset: str,
    overrides: tuple[str, ...],
    gpu: str | None,
    plain: bool,
    detach: bool,
    as_json: bool,
    force: bool,
    model: str | None,
    skip_bad: bool,
    yes: bool,
) -> None:
    """Start a run of PRESET (a name from `ftui presets`, or a .yaml file) and follow it.

    PRESET may also be a file of your own rows: then a model and settings are proposed, and a preset of them is left
    for you to go on with.

    The run is detached from the start: leaving the screen, Ctrl-C, or a lost connection do not touch it. Without a
    terminal, or with --plain, its progress is printed line by line and the exit code is 0 when it finished, 1 when it
    failed, 3 when it was stopped.

    \b
    ftui run demo
    ftui run ./chats.jsonl
    ftui run ./chats.csv --model ./my-model --skip-bad
    ftui run demo --set train.learning_rate=1e-3 --set train.num_train_epochs=1
    ftui run my-preset.yaml --gpu 1 --detach
    """
    if is_data_file(preset):
        preset = _from_rows(preset, model, skip_bad, yes)
    elif model is not None or skip_bad:
        raise click.UsageError("--model and --skip-bad go with a file of rows; for a preset use --set.")
    try:
        launched = _launch(preset, overrides, gpu, force)
    except UnusableGpuError as error:
        if not _cpu_will_do(error):
            raise
        launched = _launch(preset, overrides, "cpu", force)
    for finding in launched.warnings:
        colour = "red" if finding.is_danger else "yellow"
        out.echo(out.styled(f"▲ {finding.key}: {finding.what}", fg=colour), err=True)
    if as_json:
        print_json({"id": launched.run.id, "path": str(launched.run.path), "device": launched.device})
    elif detach:
        out.echo(launched.run.id)
    elif plain or not sys.stdout.isatty():
        sys.exit(follow(launched.run))
    else:
        open_screen(RunSource(launched.run))


def _from_rows(data: str, model: str | None, skip_bad: bool, yes: bool) -> str:
    """Propose a run on a file, ask, and leave a preset; returns its name."""
    home = ftui_home()
    with waiting(f"Looking at {data} and what there is to train …"):
        found = propose(Path(data), home, model, skip_bad)
    for line in found.lines:
        out.echo(line, err=True)
    if found.problem:
        raise DataError(f"{found.data}: {found.problem}.", "Mend them, or leave such rows out: --skip-bad.")
    if not yes:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise click.UsageError("There is no terminal to ask on: say --yes.")
        if not out.confirm("Save this preset and train?", default=True):
            raise click.Abort()
    found.save(home)
    return found.name


def _launch(preset: str, overrides: tuple[str, ...], gpu: str | None, force: bool) -> Launch:
    with waiting(f"Looking at {preset} and its data …"):
        return launch(preset, ftui_home(), overrides, gpu, force)


def _cpu_will_do(error: UnusableGpuError) -> bool:
    """Ask the user, where there is a terminal to ask on."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    out.echo_lines(str(error), err=True)
    return out.confirm("Train on the CPU this time?", default=False)
