"""`ftui explain`: what a finding means, with a chart of curves on which it is made."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import click
from rich.text import Text

from runner.insight.diagnosis import Finding, diagnose
from runner.insight.explained import EXPLANATIONS, Example, Explanation, Group
from tui.charts.plot import LABEL_WIDTH, Mark, Palette, draw
from tui.charts.view import ChartMode, chart_of, places
from tui.cli.parameters import json_option
from tui.cli.rich_out import PlainConsole
from tui.cli.text import print_json
from tui.colours import BAD
from tui.glyphs import glyphs, plain

WIDEST = 100
CHART_HEIGHT = 12
INDENT = "  "
MOST_HINTS = 3


@click.command()
@click.argument("finding", required=False, metavar="[FINDING]")
@json_option()
def explain(finding: str | None, as_json: bool) -> None:
    """Say what a FINDING means: how it looks, how it is computed, what to do, and what it is not.

    FINDING is a slug as `ftui diagnose` and report.md name it; without one, all are listed.

    \b
    ftui explain
    ftui explain overfitting
    ftui explain "learning rate too high"
    """
    if finding is None:
        print_json([_short(one) for one in EXPLANATIONS.values()]) if as_json else _print_list()
        return
    explanation = EXPLANATIONS[_slug(finding)]
    if as_json:
        print_json(as_plain(explanation))
    else:
        _print(explanation)


def _slug(word: str) -> str:
    """A slug as it is, or that of a finding's name ('learning rate too high').

    Raises ClickException with the nearest.
    """
    wanted = "-".join(word.lower().split())
    if wanted in EXPLANATIONS:
        return wanted
    names = {slug: slug for slug in EXPLANATIONS}
    names |= {"-".join(found_in(one).name.split()): slug for slug, one in EXPLANATIONS.items()}
    if wanted in names:
        return names[wanted]
    close = [name for name in names if wanted and set(wanted.split("-")) & set(name.split("-"))]
    close += difflib.get_close_matches(wanted, list(names), n=2 * MOST_HINTS, cutoff=0.5)
    hints = list(dict.fromkeys(names[name] for name in close))[:MOST_HINTS]
    hint = f"Did you mean {' or '.join(hints)}?" if hints else ""
    raise click.ClickException(
        f"There is no finding {word!r}.\n{f'{hint} ' if hint else ''}`ftui explain` lists them."
    )


def found_in(explanation: Explanation) -> Finding:
    """The finding that is made on its example."""
    findings = diagnose(explanation.example().curves).findings
    return next(finding for finding in findings if finding.id == explanation.slug)


def as_plain(explanation: Explanation) -> dict[str, Any]:
    """Everything as one object, with what is said of the example."""
    found = found_in(explanation)
    return {
        **_short(explanation),
        **{
            name: list(getattr(explanation, name))
            for name in ("what", "looks", "computed", "do", "is_not", "unknown", "sources")
        },
        "example": {
            "sentence": found.sentence,
            "severity": found.severity.name.lower(),
            "since_step": found.since_step,
            "evidence": dict(found.evidence),
            "actions": [action.text for action in found.actions],
        },
    }


def _short(explanation: Explanation) -> dict[str, str]:
    return {"slug": explanation.slug, "group": explanation.group.value, "line": explanation.line}


def _console() -> PlainConsole:
    console = PlainConsole()
    console.width = max(40, min(WIDEST, console.width))
    return console


def _print_list() -> None:
    console = _console()
    width = max(map(len, EXPLANATIONS))
    for group in Group:
        console.print(Text(group.value, "bold"))
        for one in EXPLANATIONS.values():
            if one.group is group:
                lines = textwrap.wrap(plain(one.line), max(20, console.width - width - 4))
                for i, line in enumerate(lines):
                    console.print(Text(f"{INDENT}{'' if i else one.slug:<{width}}  {line}"), soft_wrap=True)
    console.print(Text("`ftui explain SLUG` says what it is, how it is computed and what to do.", "dim"))


def _print(explanation: Explanation) -> None:
    console = _console()
    console.print(Text(plain(explanation.slug), "bold").append(f"  {explanation.group.value}", "dim"))
    console.print(Text(plain(explanation.line)))
    _section(console, "What it is", explanation.what)
    _section(console, "What it looks like", explanation.looks)
    found, example = found_in(explanation), explanation.example()
    for row in _chart(example, found, console.width - len(INDENT)):
        console.print(Text(INDENT).append_text(row), no_wrap=True, overflow="crop")
    console.print()
    _paragraph(console, f"Here ftui says: {found.sentence}", "dim")
    for heading, texts in explanation.sections:
        _section(console, heading, texts)
    if explanation.sources:
        _section(console, "Sources", explanation.sources)


def _section(console: PlainConsole, heading: str, texts: tuple[str, ...]) -> None:
    console.print()
    console.print(Text(heading, "bold"))
    for i, text in enumerate(texts):
        if i:
            console.print()
        _paragraph(console, text)


def _paragraph(console: PlainConsole, text: str, style: str = "") -> None:
    for line in textwrap.wrap(plain(text), console.width - len(INDENT), break_on_hyphens=False):
        console.print(Text(INDENT + line, style), soft_wrap=True)


def _chart(example: Example, found: Finding, width: int) -> Iterator[Text]:
    """The key and the chart; a mark at the lower edge shows where the finding begins."""
    colours, marks = Palette(), glyphs()
    parts = [
        ("." if marks.ascii else "─", example.line, colours.smooth),
        (marks.eval_point, example.points, colours.val),
        (marks.probe_point, example.hollow, colours.probe),
        (marks.best_point, "best" if example.points else "", colours.best),
        (marks.up, f"since step {found.since_step}", BAD),
    ]
    key = Text(" " * LABEL_WIDTH)
    for sign, words, style in parts:
        if not words:
            continue
        if key.cell_len + len(words) + 5 > width:
            yield key
            key = Text(" " * LABEL_WIDTH)
        key.append(f"{sign} {plain(words)}", style).append("   ")
    yield key
    chart = chart_of(example.drawn, None, ChartMode(), width)
    at = places(example.drawn, example.drawn.train.step, [found.since_step])
    yield from draw(replace(chart, marks=[Mark(x, BAD) for x in at]), width, CHART_HEIGHT)
