"""docs/verdicts.md and its pictures, from the same texts as `ftui explain`: `python -m tests.make_verdicts docs`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from runner.insight.diagnosis import Finding, Severity, Verdict, diagnose
from runner.insight.diagnosis.verdict import FEWEST_EVALUATIONS
from runner.insight.explained import EXPLANATIONS, Explanation, Group
from runner.report.svg import Form, curve

PAGE = "verdicts.md"
PICTURES = "verdicts"
WIDTH, HEIGHT, COLUMNS = 640, 260, 160

INTRODUCTION = f"""\
# What ftui finds in a run, and how

ftui judges a run by its curves alone. Each thing it finds has a name, the numbers it rests on, and a severity: a remark
(info), a warning, critical, or an error. The gravest finding gives the verdict. A run in which nothing is found is
*healthy*; it is *too early to tell* with fewer than {FEWEST_EVALUATIONS} evaluations, and *no evaluation* says that no
row was held out, so that overfitting cannot be told from learning.

Losses are in nats a token. *ln* is the natural logarithm: a difference of 0.01 in ln loss is about 1 %. *Noise* is the
standard deviation of one evaluation around its trend.

`ftui explain SLUG` says the same in the terminal. All thresholds here are those of the code: this page is made by
`make verdicts`, and so are the pictures, from generated curves on which ftui really makes the finding.
"""


def found_in(explanation: Explanation) -> tuple[Verdict, Finding]:
    """What is said of its example. Raises StopIteration when the finding is not made there."""
    verdict = diagnose(explanation.example().curves)
    return verdict, next(finding for finding in verdict.findings if finding.id == explanation.slug)


def picture(explanation: Explanation) -> str:
    """Its example as SVG, the finding's beginning marked."""
    example = explanation.example()
    verdict, finding = found_in(explanation)
    form = Form(WIDTH, HEIGHT, COLUMNS, example.line, example.points, example.hollow, Severity.INFO)
    return curve(example.drawn, replace(verdict, findings=(finding,)), explanation.slug, form)


def page() -> str:
    """The Markdown."""
    return "\n".join(
        [INTRODUCTION, *_contents(), *(line for one in EXPLANATIONS.values() for line in _section(one))]
    )


def _contents() -> Iterator[str]:
    for group in Group:
        yield f"**{group.value}**\n"
        for one in EXPLANATIONS.values():
            if one.group is group:
                yield f"- [{one.slug}](#{one.slug}): {one.line}"
        yield ""


def _section(explanation: Explanation) -> Iterator[str]:
    _, finding = found_in(explanation)
    yield f"## {explanation.slug}\n"
    yield f"*{explanation.line}*\n"
    for text in explanation.what:
        yield f"{_escaped(text)}\n"
    yield f"![{explanation.slug}]({PICTURES}/{explanation.slug}.svg)\n"
    for text in explanation.looks:
        yield f"{_escaped(text)}\n"
    yield f"> {_escaped(finding.sentence)} ({finding.severity.name.lower()}, since step {finding.since_step})\n"
    for heading, texts in explanation.sections:
        yield f"### {heading}\n"
        for text in texts:
            yield f"{_escaped(text)}\n"
    if explanation.sources:
        yield f"Sources: {_escaped(' '.join(explanation.sources))}\n"


def _escaped(text: str) -> str:
    """Text whose signs mean themselves in Markdown; code in backquotes is kept."""
    parts = text.split("`")
    parts[::2] = [part.replace("_", "\\_").replace("*", "\\*").replace("<", "&lt;") for part in parts[::2]]
    return "`".join(parts)


def files() -> dict[str, str]:
    """Every file by its path below the folder."""
    pictures = {f"{PICTURES}/{slug}.svg": picture(one) for slug, one in EXPLANATIONS.items()}
    return {PAGE: page(), **pictures}


def write(folder: Path) -> None:
    """Write them all, and remove pictures of findings that are gone."""
    (folder / PICTURES).mkdir(parents=True, exist_ok=True)
    made = files()
    for old in (folder / PICTURES).glob("*.svg"):
        if f"{PICTURES}/{old.name}" not in made:
            old.unlink()
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
