"""`ftui run`."""

from __future__ import annotations

import sys

import click

from runner.commands.launch import Launch, launch
from runner.gpu_choice import UnusableGpuError
from runner.store.directory import ftui_home
from tui.cli.follow import follow
from tui.cli.parameters import PLAIN, PRESET, force_option, gpu_option, json_option, set_option
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
def run(
    preset: str,
    overrides: tuple[str, ...],
    gpu: str | None,
    plain: bool,
    detach: bool,
    as_json: bool,
    force: bool,
) -> None:
    """Start a run of PRESET (a name from `ftui presets`, or a .yaml file) and follow it.

    The run is detached from the start: leaving the screen, Ctrl-C, or a lost connection do not touch it. Without a
    terminal, or with --plain, its progress is printed line by line and the exit code is 0 when it finished, 1 when it
    failed, 3 when it was stopped.

    \b
    ftui run demo
    ftui run demo --set train.learning_rate=1e-3 --set train.num_train_epochs=1
    ftui run my-preset.yaml --gpu 1 --detach
    """
    try:
        launched = _launch(preset, overrides, gpu, force)
    except UnusableGpuError as error:
        if not _cpu_will_do(error):
            raise
        launched = _launch(preset, overrides, "cpu", force)
    for finding in launched.warnings:
        colour = "red" if finding.is_danger else "yellow"
        click.secho(f"▲ {finding.key}: {finding.what}", fg=colour, err=True)
    if as_json:
        print_json({"id": launched.run.id, "path": str(launched.run.path), "device": launched.device})
    elif detach:
        click.echo(launched.run.id)
    elif plain or not sys.stdout.isatty():
        sys.exit(follow(launched.run))
    else:
        open_screen(RunSource(launched.run))


def _launch(preset: str, overrides: tuple[str, ...], gpu: str | None, force: bool) -> Launch:
    with waiting(f"Looking at {preset} and its data …"):
        return launch(preset, ftui_home(), overrides, gpu, force)


def _cpu_will_do(error: UnusableGpuError) -> bool:
    """Ask the user, where there is a terminal to ask on."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    click.echo(str(error), err=True)
    return click.confirm("Train on the CPU this time?", default=False, err=True)
