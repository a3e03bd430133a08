"""`ftui check`."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import click

from runner import gpu
from runner.check import xray
from runner.check.assess import assess, best_card, card_of, this_machine, written_keys
from runner.commands.first_run import is_data_file, propose
from runner.gpu_choice import UnusableGpuError, choose_gpu
from runner.insight.data import DataReport
from runner.insight.memory.cards import Card, find_card
from runner.machine import training_stack
from runner.preset import files
from runner.preset.files import LoadedPreset
from runner.store.directory import ftui_home
from runner.store.errors import LaunchError
from runner.supervision import launch
from tui.cli import probe as probing
from tui.cli.assessment import as_plain, print_assessment
from tui.cli.parameters import MODEL, PRESET, SKIP_BAD, gpu_option, json_option, set_option
from tui.cli.text import print_json


@click.command()
@PRESET
@set_option()
@gpu_option("A GPU of this machine, or any card: 'RTX 4090', 'A100 80GB', cpu.", "NAME")
@click.option(
    "--free-gib", type=click.FloatRange(min=0.1), metavar="GIB", help="Free memory to judge against."
)
@click.option(
    "--target-batch", type=click.IntRange(min=1), metavar="N", help="Propose ways to this effective batch."
)
@click.option("--no-data", is_flag=True, help="Do not look at the data: quick, and less exact.")
@click.option(
    "--probe", is_flag=True, help="Measure instead of predicting: one real step with the longest rows."
)
@json_option("Everything as one JSON object.")
@MODEL
@SKIP_BAD
def check(
    preset: str,
    overrides: tuple[str, ...],
    gpu: str | None,
    free_gib: float | None,
    target_batch: int | None,
    no_data: bool,
    probe: bool,
    as_json: bool,
    model: str | None,
    skip_bad: bool,
) -> None:
    """Judge a PRESET before it is launched: batch, steps, memory, data, settings that are likely wrong.

    PRESET may also be a file of your own rows: then what `ftui run` would propose for it is judged.

    Exit code 1 when a launch would be refused.

    \b
    ftui check demo
    ftui check ./chats.jsonl
    ftui check qlora-8b-24gb --gpu "RTX 4090" --no-data
    ftui check my-preset --set train.max_length=4096 --free-gib 22 --target-batch 32
    ftui check my-preset --probe
    """
    home = ftui_home()
    loaded = _loaded(preset, overrides, model, skip_bad)
    if probe:
        sys.exit(probing.measure(loaded, home, gpu, as_json))
    card = choose_card(gpu, free_gib)
    missing = [
        line for line in launch.missing_files(loaded.preset) if not no_data or not line.startswith("data.")
    ]
    data = None
    if not no_data and not missing:
        data = _examine(loaded, home, quiet=as_json)
    found = assess(
        loaded.preset, this_machine(card), home, data, written_keys(loaded.origins), online=not _offline()
    )
    refused = bool(found.refusals or missing)
    if as_json:
        print_json(as_plain(loaded, found, missing, target_batch))
    else:
        print_assessment(loaded, found, missing, target_batch)
    sys.exit(int(refused))


def _loaded(preset: str, overrides: tuple[str, ...], model: str | None, skip_bad: bool) -> LoadedPreset:
    home = ftui_home()
    if not is_data_file(preset):
        if model is not None or skip_bad:
            raise click.UsageError("--model and --skip-bad go with a file of rows; for a preset use --set.")
        return files.load(preset, home, overrides)
    found = propose(Path(preset), home, model, skip_bad)
    return replace(found.loaded(home, overrides), name=found.name)


def _offline() -> bool:
    return bool(os.environ.get("HF_HUB_OFFLINE"))


def choose_card(choice: str | None, free_gib: float | None) -> Card | None:
    """The card to judge against: one of this machine by index, UUID or name, or any known one by name. Raises
    LaunchError for a name that is not known.
    """
    reading = gpu.read()
    if choice == "cpu":
        return None
    if choice is None and free_gib is None:
        # Refuses what a launch would.
        choose_gpu(reading, None)
    card = best_card(reading)
    if choice is not None:
        try:
            chosen = choose_gpu(reading, choice)
            card = next((card_of(sample) for sample in reading.samples if sample.gpu == chosen), None)
        except LaunchError as refused:
            listed = (*(sample.gpu for sample in reading.samples), *reading.hidden)
            if choice in (one.number for one in listed):
                raise
            try:
                card = find_card(choice)
            except KeyError as error:
                if isinstance(refused, UnusableGpuError):
                    raise refused from None
                words = str(error.args[0])
                raise LaunchError(f"{words[0].upper()}{words[1:]}. `--free-gib 22` needs no name.") from None
    if free_gib is not None:
        free = round(free_gib * 1024)
        card = replace(card, free_mib=free) if card is not None else Card("a GPU", free, free)
    return card


def _examine(loaded: LoadedPreset, home: Path, quiet: bool) -> DataReport | None:
    """The X-ray, with a progress bar on a terminal; None when the training stack is not installed here."""
    if training_stack.missing_packages():
        return None
    if quiet or not sys.stderr.isatty():
        return xray.complete(loaded.preset, home)
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from tui.cli.rich_out import PlainConsole

    columns = (
        TextColumn("looking at the data"),
        BarColumn(30),
        TextColumn("{task.percentage:3.0f} %"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=PlainConsole(err=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        return xray.complete(loaded.preset, home, lambda report: bar.update(task, completed=report.progress))
