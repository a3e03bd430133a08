"""The assessment of a preset, in text or JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from runner.check.assess import NO_CARD, Assessment
from runner.insight.data import DataReport, quantile
from runner.insight.figures import gib
from runner.insight.lint import LintSeverity
from runner.insight.memory.words import memory_lines
from runner.preset.files import LoadedPreset
from tui.cli import out

MARKS = {
    LintSeverity.ERROR: ("✖", "red"),
    LintSeverity.WARNING: ("▲", "yellow"),
    LintSeverity.NOTE: ("·", "cyan"),
}
LABEL_WIDTH = 16
# Kinds of remarks and of bad rows that are printed.
MOST_REMARKS = 10
MOST_PROPOSALS = 4


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
        "unknown": list(found.unknown),
        "findings": [
            {**asdict(f), "severity": f.severity.name.lower(), "fix": dict(f.fix), "fix_words": f.fix_text}
            for f in found.findings
        ],
        "proposals": [
            {**asdict(one), "effective": one.effective} for one in (found.proposals(target) if target else ())
        ],
        "data": data.as_json() if data is not None else None,
    }


def print_assessment(loaded: LoadedPreset, found: Assessment, missing: list[str], target: int | None) -> None:
    out.echo(out.styled(loaded.name, bold=True), f"  {loaded.preset.method}  {loaded.path}")
    for advice in found.advice:
        note = out.styled(f"  {advice.note}" if advice.note else "", dim=True)
        _line(advice.label, advice.value, note)
    _print_memory(found)
    if found.data is not None and not found.data.problem:
        _print_data(found.data)
    elif found.data is None and not missing:
        _line("Data", "not looked at")
    if target:
        _print_proposals(found, target)
    out.echo("")
    for text in missing:
        out.echo(out.styled("✖", fg="red"), f" {text}")
    for finding in found.findings:
        mark, colour = MARKS[finding.severity]
        colour = "red" if finding.is_danger else colour
        out.echo(
            out.styled(mark, fg=colour),
            " ",
            out.styled(finding.id, bold=True),
            f"  {finding.key}: {finding.what}",
        )
        out.echo(out.styled(f"    {finding.why}", dim=True))
        if finding.fix_text:
            out.echo(f"    → {finding.fix_text}")
    if found.refusals or missing:
        out.echo("A launch would be refused.")
    elif not found.findings:
        out.echo(out.styled("✔", fg="green"), f" {found.calm}")


def _line(label: str, *parts: out.Part) -> None:
    out.echo(f"{label:<{LABEL_WIDTH}} ", *parts)


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
        _line(
            "Learned", f"{data.trained_tokens:,} of {data.tokens:,} tokens ({100 * share:.1f} %){_ways(data)}"
        )
    for kind, defects in data.defects:
        rows = ", ".join(str(note.row) for note in defects.notes[:5])
        _line("", f"{kind.words}: {defects.count:,}, row {rows}{' …' if defects.count > 5 else ''}")
    for source in data.sources:
        for words in source.notes:
            _line("", f"{source.name}: {words}")
        for remark in source.remarks[:MOST_REMARKS]:
            _line("", f"{source.name}: {remark.text} ({remark.count:,} rows, first {remark.first})")
        for reason in source.bad_by_reason[:MOST_REMARKS]:
            rows = (
                f"row {reason.first}" if reason.count == 1 else f"{reason.count:,} rows, first {reason.first}"
            )
            _line("", out.styled(f"bad: {source.name} {rows}: {reason.text}", fg="red"))


def _ways(data: DataReport) -> str:
    """How the answers of conversations are had, where not all of them are in one rendering."""
    ways = [f"{count:,} {way}" for way, count in data.ways.items()]
    return f" · {', '.join(ways)}" if len(ways) > 1 or data.more_samples or "TRL" in "".join(ways) else ""


def _print_proposals(found: Assessment, target: int) -> None:
    for place, one in enumerate(found.proposals(target)[:MOST_PROPOSALS]):
        need = f" · {gib(one.need_mib)} GiB" if one.need_mib is not None else ""
        fits = "" if one.fits else " · does not fit"
        _line(
            f"Batch {target}" if place == 0 else "",
            f"{one.per_device} × {one.accumulation} = {one.effective}{need} · time ×{one.relative_time:.2f}{fits}",
        )
