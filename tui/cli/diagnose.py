"""`ftui diagnose`: the verdict on any run, of ftui or of another trainer."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from runner import places
from runner.foreign.names import said
from runner.foreign.opening import read_path
from runner.foreign.trace import TraceError
from runner.insight.curves import Curves
from runner.insight.diagnosis import Severity, Verdict
from runner.insight.diagnosis import diagnose as judge
from runner.insight.diagnosis.finding import Action
from runner.insight.task import Task, main_metrics, task_of
from runner.store import meant
from runner.store.directory import RunDirectory, RunNotFoundError, ftui_home
from runner.store.event_tail import EventTail
from runner.store.history import History, fold_all
from tui.cli import out
from tui.cli.names_traces import NamesTraces
from tui.cli.parameters import MAP, json_option
from tui.cli.run_source import shown
from tui.cli.text import metrics_as_plain, print_json, print_standing
from tui.models.run_view import since

# More names than these say less.
MOST_NAMED = 5


class UnreadableError(click.ClickException):
    """There is no run, or none that can be read."""

    exit_code = 2


@dataclass(frozen=True)
class Subject:
    """What is judged: where it is, what kind of trace it is, and what it says."""

    path: Path
    kind: str
    name: str
    history: History
    bad_lines: int
    others: tuple[str, ...] = ()
    written_at: float | None = None


@click.command(cls=NamesTraces)
@click.argument("path_or_run", metavar="PATH_OR_RUN")
@json_option("Everything as one JSON object.")
@MAP
def diagnose(path_or_run: str, as_json: bool, names: str) -> None:
    """Judge a run by its curves: one of ftui, or PATH, what another trainer left.

    PATH is a file, an output directory, or a folder above some, of which the newest run is read; it may still be
    training. RUN is an id, a unique part of one, or `last`. Read are:

    {traces}

    Exit code 0 when nothing is wrong, 1 when something found is a warning or worse, 2 when it cannot be read.

    \b
    ftui diagnose last
    ftui diagnose ./outputs                        an output directory with checkpoints, or with runs/
    ftui diagnose saves/llama3/trainer_log.jsonl
    ftui diagnose train.log --json
    ftui diagnose my_log.csv --map loss=nll,step=batch
    """
    try:
        subject = _subject(path_or_run, said(names))
    except (TraceError, RunNotFoundError, ValueError) as error:
        raise UnreadableError(str(error)) from None
    except OSError as error:
        raise UnreadableError(f"{error.filename or path_or_run}: {error.strerror or error}") from None
    curves = subject.history.curves()
    verdict = judge(curves)
    if as_json:
        print_json(as_plain(subject, curves, verdict))
    else:
        _print(subject, curves, verdict)
    worst = max([verdict.severity, *(finding.severity for finding in verdict.findings)])
    sys.exit(int(worst >= Severity.WARNING))


def _subject(name: str, names: dict[str, str]) -> Subject:
    path = places.absolute(name)
    if path.exists():
        if (path / "events.jsonl").is_file():
            return _own(RunDirectory(path))
        trace, history = read_path(path, names)
        others, written = trace.others, trace.written_at()
        return Subject(trace.path, trace.kind, trace.name, history, trace.bad_lines, others, written)
    try:
        return _own(meant.find(name, ftui_home()))
    except RunNotFoundError as error:
        raise RunNotFoundError(f"{error}\n{path} is no path either.") from None


def _own(run: RunDirectory) -> Subject:
    history, tail = History(), EventTail(run.events)
    fold_all(history, tail)
    return Subject(run.path, "ftui run", run.id, history, tail.bad_lines)


def as_plain(subject: Subject, curves: Curves, verdict: Verdict) -> dict[str, Any]:
    """Everything as one object."""
    return {
        "path": str(subject.path),
        "kind": subject.kind,
        "name": subject.name,
        "step": curves.step,
        "total_steps": curves.total_steps,
        "logged_steps": len(curves.train),
        "evals": {name: [dataclasses.asdict(p) for p in points] for name, points in curves.evals.items()},
        "answers": [dataclasses.asdict(point) for point in curves.answers],
        **metrics_as_plain(curves),
        "checkpoints": curves.checkpoints,
        "is_over": curves.is_over,
        "plan": subject.history.plan,
        "bad_lines": subject.bad_lines,
        "others": subject.others,
        "begins_at_step": curves.begins_at_step,
        "verdict": {**dataclasses.asdict(verdict), "headline": verdict.headline},
    }


def _print(subject: Subject, curves: Curves, verdict: Verdict) -> None:
    out.echo(f"{subject.name}  {subject.kind}")
    out.echo(f"path       {subject.path}")
    _print_place(subject, curves)
    print_standing(curves)
    if not any(curves.evals.values()):
        out.echo("evals      none")
    _print_other_metrics(curves)
    if subject.bad_lines:
        out.echo(f"warning    {subject.bad_lines} lines or records could not be read and were passed over")
    out.echo(f"verdict    {verdict.headline}")
    out.echo(f"           {verdict.sentence}")
    if not verdict.findings:
        _print_actions(verdict.actions)
    for finding in sorted(verdict.findings, key=lambda f: -f.severity):
        out.echo(f"{finding.id:<16} {finding.severity.name.lower()}, since step {finding.since_step}")
        out.echo(f"           {finding.sentence}")
        _print_actions(finding.actions)
    if verdict.findings:
        out.echo("`ftui explain NAME` says what a finding means and how it is computed.")


def _print_place(subject: Subject, curves: Curves) -> None:
    """Where the run is, whether it is over, and what of it is not here."""
    over = "" if curves.is_over else ", not known to be over"
    if over and subject.written_at is not None:
        over += f", last written {since(subject.written_at)}"
    out.echo(f"step       {curves.step}/{curves.total_steps or '?'}, {len(curves.train)} logged{over}")
    if curves.begins_at_step is not None:
        out.echo(f"start      not seen: what is here begins at step {curves.begins_at_step}")
    if subject.others:
        named = ", ".join(shown(other, subject.path) for other in subject.others[:MOST_NAMED])
        more = f" and {len(subject.others) - MOST_NAMED} more" if len(subject.others) > MOST_NAMED else ""
        out.echo(f"others     {named}{more}: the newest run was read")


def _print_other_metrics(curves: Curves) -> None:
    """What else is logged beside the loss, by name: dozens of lines would say less."""
    shown_already = (
        {name for _, name in main_metrics(curves)} if task_of(curves) is not Task.SUPERVISED else set()
    )
    others = [name for name, metric in curves.metrics.items() if len(metric) and name not in shown_already]
    if others:
        more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
        out.echo(f"also       {', '.join(others[:MOST_NAMED])}{more} (--json has their values)")


def _print_actions(actions: tuple[Action, ...]) -> None:
    for action in actions:
        out.echo(f"           → {action.text}")
