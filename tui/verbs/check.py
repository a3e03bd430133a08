"""`ftui check`: everything that is known of a preset before it is launched, in text or JSON."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from runner import gpu
from runner.check import xray
from runner.check.assess import NO_CARD, Assessment, assess, best_card, card_of, this_machine, written_keys
from runner.check.probe import Probed, probe, whole_run
from runner.gpu_choice import UnusableGpuError, choose_gpu
from runner.insight.data import DataReport, quantile
from runner.insight.figures import gib
from runner.insight.lint import Severity
from runner.insight.memory.cards import Card, find_card
from runner.insight.memory.words import memory_lines
from runner.machine import training_stack
from runner.preset import files
from runner.preset.files import LoadedPreset
from runner.store.directory import ftui_home
from runner.store.errors import LaunchError
from runner.supervision import launch
from tui.verbs.text import print_json

MARKS = {Severity.ERROR: ("✖", "red"), Severity.WARNING: ("▲", "yellow"), Severity.NOTE: ("·", "cyan")}
LABEL_WIDTH = 16
MOST_PROPOSALS = 4


def check(
    name: str,
    overrides: tuple[str, ...],
    gpu_choice: str | None,
    free_gib: float | None,
    target: int | None,
    look_at_data: bool,
    as_json: bool,
) -> int:
    """Print the assessment of a preset; 1 when a launch would be refused, else 0. Raises PresetError or LaunchError."""
    home = ftui_home()
    loaded = files.load(name, home, overrides)
    card = choose_card(gpu_choice, free_gib)
    missing = [
        line for line in launch.missing_files(loaded.preset) if look_at_data or not line.startswith("data.")
    ]
    data = None
    if look_at_data and not missing:
        data = _examine(loaded, home, quiet=as_json)
    found = assess(
        loaded.preset, this_machine(card), home, data, written_keys(loaded.origins), online=not _offline()
    )
    refused = bool(found.refusals or missing)
    if as_json:
        print_json(as_plain(loaded, found, missing, target))
    else:
        _print(loaded, found, missing, target)
    return int(refused)


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
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("looking at the data"),
        BarColumn(30),
        TextColumn("{task.percentage:3.0f} %"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        return xray.complete(loaded.preset, home, lambda report: bar.update(task, completed=report.progress))


def as_plain(
    loaded: LoadedPreset, found: Assessment, missing: list[str], target: int | None
) -> dict[str, Any]:
    """An assessment as JSON."""
    prediction, data = found.prediction, found.data
    return {
        "preset": loaded.name,
        "path": str(loaded.path),
        "method": loaded.preset.method,
        "refused": bool(found.refusals or missing),
        "missing": missing,
        "plan": asdict(found.plan) if found.plan is not None else None,
        "advice": [asdict(line) for line in found.advice],
        "memory": None
        if prediction is None
        else {
            "card": asdict(prediction.card),
            "verdict": prediction.fit.value,
            "train_mib": asdict(prediction.train),
            "evaluation_mib": asdict(prediction.evaluation),
            "parts_mib": dict(prediction.parts),
            "basis": prediction.basis,
            "assumed": list(prediction.assumed),
            "lever": asdict(prediction.lever) if prediction.lever is not None else None,
        },
        "memory_problem": found.memory_problem,
        "findings": [
            {**asdict(f), "severity": f.severity.name.lower(), "fix": dict(f.fix), "fix_words": f.fix_text}
            for f in found.findings
        ],
        "proposals": [
            {**asdict(one), "effective": one.effective} for one in (found.proposals(target) if target else ())
        ],
        "data": data.as_json() if data is not None else None,
    }


def _print(loaded: LoadedPreset, found: Assessment, missing: list[str], target: int | None) -> None:
    click.echo(f"{click.style(loaded.name, bold=True)}  {loaded.preset.method}  {loaded.path}")
    for advice in found.advice:
        note = click.style(f"  {advice.note}", dim=True) if advice.note else ""
        _line(advice.label, advice.value + note)
    _print_memory(found)
    if found.data is not None and not found.data.problem:
        _print_data(found.data)
    elif found.data is None and not missing:
        _line("Data", "not looked at")
    if target:
        _print_proposals(found, target)
    click.echo("")
    for text in missing:
        click.echo(f"{click.style('✖', fg='red')} {text}")
    for finding in found.findings:
        mark, colour = MARKS[finding.severity]
        colour = "red" if finding.is_danger else colour
        click.echo(
            f"{click.style(mark, fg=colour)} {click.style(finding.id, bold=True)}  {finding.key}: {finding.what}"
        )
        click.echo(click.style(f"    {finding.why}", dim=True))
        if finding.fix_text:
            click.echo(f"    → {finding.fix_text}")
    if found.refusals or missing:
        click.echo("A launch would be refused.")
    elif not found.findings:
        click.echo(f"{click.style('✔', fg='green')} nothing to complain about")


def _line(label: str, text: str) -> None:
    click.echo(f"{label:<{LABEL_WIDTH}} {text}")


def _print_memory(found: Assessment) -> None:
    prediction = found.prediction
    if prediction is None:
        hint = "; name a card: --gpu 'RTX 4090'" if found.memory_problem == NO_CARD else ""
        _line("VRAM", found.memory_problem + hint)
        return
    for place, line in enumerate(memory_lines(prediction)):
        _line("" if place else "VRAM", line)


def _print_data(data: DataReport) -> None:
    formats = ", ".join(f"{count:,} {name}" for name, count in data.sources[0].formats.items())
    mixed = f", {data.mix_rows:,} of them mixed in" if data.mix_rows else ""
    _line("Data", f"{data.train_rows:,} rows to train on{mixed}, {data.eval_rows:,} held out · {formats}")
    lengths = data.lengths
    _line(
        "Lengths",
        f"p50 {quantile(lengths, 0.5)} · p95 {quantile(lengths, 0.95)} · max {data.longest} tokens, "
        f"max_length {data.max_length}",
    )
    share = data.trained_share
    if share is not None:
        _line("Learned", f"{data.trained_tokens:,} of {data.tokens:,} tokens ({100 * share:.1f} %)")
    for kind, defects in data.defects:
        rows = ", ".join(str(note.row) for note in defects.notes[:5])
        _line("", f"{kind.words}: {defects.count:,}, row {rows}{' …' if defects.count > 5 else ''}")
    for source in data.sources:
        for note in source.bad.notes[:10]:
            _line("", click.style(f"bad: {source.name} row {note.row}: {note.text}", fg="red"))


def _print_proposals(found: Assessment, target: int) -> None:
    for place, one in enumerate(found.proposals(target)[:MOST_PROPOSALS]):
        need = f" · {gib(one.need_mib)} GiB" if one.need_mib is not None else ""
        fits = "" if one.fits else " · does not fit"
        _line(
            f"Batch {target}" if place == 0 else "",
            f"{one.per_device} × {one.accumulation} = {one.effective}{need} · time ×{one.relative_time:.2f}{fits}",
        )


def measure(name: str, overrides: tuple[str, ...], gpu_choice: str | None, as_json: bool) -> int:
    """Probe a preset and print what it measured; 1 when it failed. Raises PresetError, LaunchError or OSError."""
    home = ftui_home()
    loaded = files.load(name, home, overrides)
    missing = training_stack.missing_packages() + launch.missing_files(loaded.preset)
    if missing:
        raise LaunchError("\n".join(missing))
    chosen = choose_gpu(gpu.read(), gpu_choice)
    waiting: AbstractContextManager[Any] = nullcontext()
    if sys.stderr.isatty() and not as_json:
        from rich.console import Console

        waiting = Console(stderr=True).status("starting")
    with waiting as status:
        found = probe(
            loaded.preset, home, chosen, lambda phase: status.update(phase) if status is not None else None
        )
    whole = whole_run(loaded.preset, xray.quick(loaded.preset, home), found)
    if as_json:
        print_json({**asdict(found), "whole_run": whole})
    else:
        _print_probed(found)
        for name, seconds in whole:
            click.echo(f"  {name:<40} {seconds:10,.0f} s")
    return int(bool(found.problem))


def _print_probed(found: Probed) -> None:
    if found.problem:
        click.echo(f"{click.style('✖', fg='red')} {found.problem}\n    {found.hint}")
        return
    click.echo(f"measured on {found.device}, longest rows, one optimizer step of at most two micro-steps")
    for name, mib in found.memory:
        click.echo(f"  {name:<40} {mib:10,.0f} MiB")
    for name, seconds in found.seconds:
        click.echo(f"  {name:<40} {seconds:10.2f} s")
