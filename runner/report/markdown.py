"""report.md: verdict, curve, findings with their evidence, evaluations, settings, data, samples, environment."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from runner import atomic_write, plain_text
from runner.insight import answers, standing
from runner.insight.curves import Curves, best_of
from runner.insight.diagnosis import Finding, Verdict, diagnose, labels
from runner.insight.diagnosis.words import set_words
from runner.insight.figures import number
from runner.preset.errors import PresetError
from runner.preset.fields import fields
from runner.preset.files import load_frozen
from runner.redaction import token_shapes
from runner.redaction.blotting import redacted
from runner.report.svg import curve
from runner.store.directory import RunDirectory, read_json
from runner.store.history import History, read_history

CURVE = "curve.svg"
LONGEST_SAMPLE = 600


def write(run: RunDirectory, folder: Path | None = None) -> Path:
    """Write report.md and its picture, into the run's directory or another folder; returns the path. Raises OSError."""
    history = read_history(run)
    curves = history.curves()
    verdict = diagnose(curves)
    folder = folder or run.path
    _replace(folder / CURVE, curve(curves, verdict, run.id))
    target = folder / "report.md"
    _replace(target, text(run, history, curves, verdict))
    return target


def _replace(path: Path, content: str) -> None:
    atomic_write.replace_file(path, token_shapes.without(content).encode("utf-8", errors="replace"))


def text(run: RunDirectory, history: History, curves: Curves, verdict: Verdict) -> str:
    """The report as Markdown."""
    record = read_json(run.run)
    sections = [
        _head(run, history, curves, verdict, record),
        f"![loss]({CURVE})\n",
        _findings(verdict),
        _watched(curves),
        _evaluations(curves),
        _answers(curves),
        _settings(run),
        _ledger(history.plan),
        _samples(history),
        _environment(record, history),
    ]
    return "\n".join(section for section in sections if section)


def _head(
    run: RunDirectory, history: History, curves: Curves, verdict: Verdict, record: Mapping[str, Any]
) -> str:
    reason = history.end.get("reason") or history.error.get("message") or ""
    gpu = record.get("gpu")
    device = gpu.get("name") if isinstance(gpu, dict) else history.plan.get("device", "?")
    lines = [
        f"# {run.id}",
        "",
        f"**{verdict.headline}.** {_cell(verdict.sentence)}",
        "",
        *(f"- {_cell(action.text)}" for action in verdict.actions),
        "",
        f"{history.phase.value}{f' ({_cell(reason)})' if reason else ''} · "
        f"step {curves.step} of {curves.total_steps or '?'} · "
        f"{_cell(history.plan.get('method', ''))} on {_cell(device)}",
    ]
    if started := _moment(record.get("created_at")):
        lines[-1] += f" · started {started}"
    if history.end.get("saved"):
        lines.append(f"\nSaved: `{_escaped(str(run.path / str(history.end['saved'])))}`")
    return "\n".join(lines) + "\n"


def _moment(created: object) -> str:
    """A time stamp of a file as UTC; empty for what is none."""
    if not isinstance(created, int | float):
        return ""
    try:
        return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(created))
    except (OverflowError, ValueError, OSError):
        return ""


def _findings(verdict: Verdict) -> str:
    if not verdict.findings:
        return ""
    parts = ["## Findings\n"]
    for finding in verdict.findings:
        severity = finding.severity.name.lower()
        parts.append(f"### {finding.id} ({severity}, since step {finding.since_step})\n")
        parts.append(_cell(finding.sentence) + "\n")
        parts.append(_table(("evidence", "value"), labels.numbers(finding)))
        parts += [_evals_of(finding)] if finding.evals else []
        parts += [f"- {_cell(action.text)}" for action in finding.actions] + [""]
    parts.append("`ftui explain NAME` says what a finding means and how it is computed.\n")
    return "\n".join(parts)


def _evals_of(finding: Finding) -> str:
    best = best_of(finding.evals)
    rows = (
        (str(point.step), f"{number(point.loss)}{', the best' if point is best else ''}", str(point.n or ""))
        for point in finding.evals
    )
    return _table(("step", "loss (nats a token)", "rows"), rows)


def _watched(curves: Curves) -> str:
    """Of a run that is judged by a reward: what kind it is, and the course of its main metrics."""
    lines = standing.task_lines(curves)
    return "## What it is judged by\n\n" + _table(("metric", "course"), lines) if lines else ""


def _evaluations(curves: Curves) -> str:
    sets = {name: {p.step: p for p in points} for name, points in curves.evals.items() if points}
    if not sets:
        return ""
    saved = set(curves.checkpoints)
    steps = sorted({step for points in sets.values() for step in points})
    rows = (
        (
            str(step),
            *(number(points[step].loss) if step in points else "" for points in sets.values()),
            "yes" if step in saved else "",
        )
        for step in steps
    )
    measured = ((f"{of} {name}".strip(), words) for of, name, words in standing.measures(curves))
    parts = [
        "## Evaluations\n\nLosses in nats a token.\n",
        _table(("set", "loss"), standing.evaluations(curves)),
        _table(("measured beside the loss", "value"), measured),
        _table(("step", *(set_words(name) for name in sets), "saved"), rows),
    ]
    return "\n".join(part for part in parts if part)


def _answers(curves: Curves) -> str:
    """How held-out rows were answered at each evaluation; nothing where exact match says nothing."""
    points = curves.answers
    if not points or not answers.words(points[-1]):
        return ""
    names = list(points[-1].fields)
    rows = (
        (str(p.step), f"{p.exact} of {p.n}", str(p.ended), *(str(p.fields.get(name, "")) for name in names))
        for p in points
    )
    head = ("step", "exact", "ended by themselves", *(f"`{name}`" for name in names))
    return "## Held-out rows answered\n\n" + _table(head, rows)


def _settings(run: RunDirectory) -> str:
    try:
        values = load_frozen(run.preset).model_dump(mode="json")
    except (PresetError, OSError):
        return ""
    rows = []
    for field in fields():
        value: Any = values
        for part in field.path:
            value = value.get(part) if isinstance(value, dict) else None
        if value != field.default:
            rows.append((f"`{field.name}`", f"`{value}`"))
    return "## Settings that are not the default\n\n" + _table(("setting", "value"), rows)


def _ledger(plan: Mapping[str, Any]) -> str:
    ledger = plan.get("ledger")
    if not isinstance(ledger, dict):
        return ""
    rows = ((key.replace("_", " "), str(value)) for key, value in ledger.items() if value not in (0, {}, ""))
    return "## Data\n\n" + _table(("what became of the rows", "count"), rows)


def _samples(history: History) -> str:
    if not history.samples:
        return ""
    last = max(sample["step"] for sample in history.samples)
    parts = [f"## Samples at step {last}\n"]
    for sample in history.samples:
        if sample["step"] != last:
            continue
        parts.append(f"> {_quote(str(sample.get('prompt', '')))}\n\n{_quote(str(sample['text']))}\n")
        copied = sample.get("copied")
        if isinstance(copied, dict):
            words, row = _cell(copied.get("words")), _cell(copied.get("row"))
            parts.append(f"{words} words of it stand in training row {row}.\n")
    return "\n".join(parts)


def _environment(record: Mapping[str, Any], history: History) -> str:
    versions = record.get("versions")
    rows = [("command", f"`{record.get('argv', '')}`"), ("host", str(record.get("host", "")))]
    rows += [("Python", str(record.get("python", ""))), ("driver", str(record.get("driver") or "none"))]
    rows += [
        ("git commit", str(record.get("git_commit") or "none")),
        ("dtype", str(history.plan.get("dtype", ""))),
    ]
    if isinstance(versions, dict):
        rows += [(str(name), str(version)) for name, version in versions.items() if version]
    return "## Environment\n\n" + _table(("what", "value"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    body = [f"| {' | '.join(map(_cell, row))} |" for row in rows]
    if not body:
        return ""
    return "\n".join([f"| {' | '.join(map(_cell, head))} |", "|" + " --- |" * len(head), *body]) + "\n"


def _cell(value: object) -> str:
    """Text without secrets that stays in its line and its cell of a table and sends nothing to a terminal."""
    return _escaped(redacted(str(value)))


def _escaped(text: str) -> str:
    return plain_text.prose(text).replace("|", "\\|")


def _quote(value: str) -> str:
    shown = plain_text.prose(redacted(value)[:LONGEST_SAMPLE])
    return shown.replace("<", "&lt;") + (" …" if len(value) > LONGEST_SAMPLE else "")
