"""`ftui show`."""

from __future__ import annotations

import dataclasses
from typing import Any

import click

from runner.insight.train_curve import COLUMNS
from runner.store import directory, meant
from runner.store.events import Phase
from runner.store.history import whole
from tui.cli import out
from tui.cli.parameters import RUN, json_option
from tui.cli.text import metrics_as_plain, print_json, print_standing
from tui.models.run_view import RunView, age, since, text
from tui.services.run_reader import read_view

LOG_LINES = 5


@click.command()
@RUN
@json_option("Everything as one JSON object.")
def show(run: str, as_json: bool) -> None:
    """Show one RUN: settings, curves, verdict, files. RUN is an id, a unique part of one, or `last`."""
    view = read_view(meant.find(run, directory.ftui_home()))
    if as_json:
        print_json(as_plain(view))
    else:
        _print(view)


def as_plain(view: RunView) -> dict[str, Any]:
    """A view as JSON: curves as columns, the verdict with its findings."""
    curves = view.curves
    return {
        "id": view.id,
        "path": view.path,
        "phase": view.phase.value,
        "reason": view.reason,
        "hint": view.hint,
        "way_on": view.way_on,
        "step": view.step,
        "total_steps": view.total_steps,
        "verdict": {
            **dataclasses.asdict(view.verdict),
            "headline": view.verdict.headline,
        },
        "train": {name: list(getattr(curves.train, name)) for name in COLUMNS},
        "evals": {
            name: [dataclasses.asdict(point) for point in points] for name, points in curves.evals.items()
        },
        "answers": [dataclasses.asdict(point) for point in curves.answers],
        **metrics_as_plain(curves),
        "checkpoints": list(curves.checkpoints),
        "plan": dict(view.plan),
        "run": dict(view.record),
        "warnings": list(view.warnings),
        "bad_lines": view.bad_lines,
    }


def _print(view: RunView) -> None:
    gpu = view.record.get("gpu")
    on = text(gpu.get("name") if isinstance(gpu, dict) else "") or text(view.plan.get("device")) or "?"
    out.echo(f"{view.id}  {view.phase.value}{f': {view.reason}' if view.reason else ''}")
    for words in (view.hint, view.way_on):
        if words:
            out.echo(f"  {words}")
    if view.phase in (Phase.FAILED, Phase.LOST):
        for line in view.console[-LOG_LINES:]:
            out.echo(out.styled(f"  | {line}", dim=True))
    if view.phase is Phase.QUEUED:
        out.echo(f"queued     {since(view.record.get('created_at'))}")
    else:
        began = view.record.get("started_at") or view.record.get("created_at")
        out.echo(f"started    {since(began)} on {on}, {text(view.plan.get('method'))}".rstrip(", "))
    done = f"{view.step}/{view.total_steps or '?'}"
    left = f", {age(view.eta_seconds)} left" if view.eta_seconds is not None else ""
    out.echo(f"step       {done}{left}")
    if view.batch is not None:
        out.echo(f"batch      {view.batch.spelled_out} (per device × accumulation × GPUs)")
    print_standing(view.curves)
    ledger = view.plan.get("ledger")
    if isinstance(ledger, dict):
        named = ("train_rows", "eval_rows", "truncated_rows", "rows_without_trained_tokens")
        trained, held_out, cut, dropped = (whole(ledger.get(name)) for name in named)
        out.echo(f"data       {trained} train rows, {held_out} eval rows, {cut} cut, {dropped} dropped")
    out.echo(f"verdict    {view.verdict.headline}")
    out.echo(f"           {view.verdict.sentence}")
    for action in view.verdict.actions:
        out.echo(f"           → {action.text}")
    if found := view.verdict.findings:
        out.echo(f"found      {', '.join(finding.id for finding in found)} (`ftui explain {found[0].id}`)")
    for warning in view.warnings:
        out.echo(f"warning    {warning}")
    if view.bad_lines:
        out.echo(f"warning    {view.bad_lines} lines of events.jsonl could not be read and were passed over")
    if view.saved:
        out.echo(f"saved      {view.path}/{view.saved}")
    out.echo(f"directory  {view.path}")
