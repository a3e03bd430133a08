"""What a finding means, beside its evidence."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from runner.insight.diagnosis import Finding
from tui.glyphs import plain


def meaning(finding: Finding) -> RenderableType:
    """What such a finding is, as `ftui explain` says it."""
    from runner.insight.explained import EXPLANATIONS

    explanation = EXPLANATIONS.get(finding.id)
    if explanation is None:
        return Text(f"There is no explanation of {finding.id}.", "dim")
    parts = [Text(plain(explanation.slug), "bold")]
    sections = (
        ("What it is", explanation.what),
        ("What it looks like", explanation.looks),
        *explanation.sections,
    )
    for heading, texts in sections:
        parts += [Text(""), Text(heading, "bold"), *(Text(plain(text)) for text in texts)]
    return Group(*parts)
