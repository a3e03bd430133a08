"""`ftui check --probe`: a preset is measured instead of predicted."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from runner import gpu
from runner.check import xray
from runner.check.probe import Probed, probe, whole_run
from runner.gpu_choice import choose_gpu
from runner.machine import training_stack
from runner.preset.files import LoadedPreset
from runner.store.errors import LaunchError
from runner.supervision import launch
from tui.cli import out
from tui.cli.text import print_json


def measure(loaded: LoadedPreset, home: Path, gpu_choice: str | None, as_json: bool) -> int:
    """Probe a preset and print what it measured; 1 when it failed. Raises LaunchError or OSError."""
    missing = training_stack.missing_packages() + launch.missing_files(loaded.preset)
    if missing:
        raise LaunchError("\n".join(missing))
    chosen = choose_gpu(gpu.read(), gpu_choice)
    waiting: AbstractContextManager[Any] = nullcontext()
    if sys.stderr.isatty() and not as_json:
        from tui.cli.rich_out import PlainConsole

        waiting = PlainConsole(err=True).status("starting")
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
            out.echo(f"  {name:<40} {seconds:10,.0f} s")
    return int(bool(found.problem))


def _print_probed(found: Probed) -> None:
    if found.problem:
        out.echo(out.styled("✖", fg="red"), f" {found.problem}")
        out.echo(f"    {found.hint}")
        return
    out.echo(f"measured on {found.device}, longest rows, one optimizer step of at most two micro-steps")
    for name, mib in found.memory:
        out.echo(f"  {name:<40} {mib:10,.0f} MiB")
    for name, seconds in found.seconds:
        out.echo(f"  {name:<40} {seconds:10.2f} s")
