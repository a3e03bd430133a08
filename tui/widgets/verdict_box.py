"""The verdict: one line, its evidence, what to do."""

from __future__ import annotations

from rich.text import Text
from textual.reactive import var
from textual.widgets import Static

from runner.insight.diagnosis import Severity, Verdict
from tui.glyphs import glyphs, plain
from tui.models.run_view import RunView

CLASSES = {
    Severity.INFO: "info",
    Severity.WARNING: "warning",
    Severity.CRITICAL: "critical",
    Severity.ERROR: "error",
}


class VerdictBox(Static):
    """The judgement of the run, coloured by its gravity."""

    view: var[RunView | None] = var(None)

    def watch_view(self, old: RunView | None, view: RunView | None) -> None:
        if view is None or (
            old is not None and words(old.verdict) == words(view.verdict) and old.id == view.id
        ):
            return
        verdict = view.verdict
        for severity, name in CLASSES.items():
            self.set_class(severity is verdict.severity and not verdict.is_remark, name)
        self.set_class(verdict.is_remark, "remark")
        self.border_title = plain(f"Verdict: {verdict.headline}")
        more = len([finding for finding in verdict.findings if finding.sentence != verdict.sentence])
        self.border_subtitle = (
            plain(f"v evidence{f' · {more} more' if more else ''}") if verdict.findings else ""
        )
        self.update(words(verdict))


def words(verdict: Verdict) -> Text:
    """Evidence and actions."""
    text = Text(plain(verdict.sentence))
    for action in verdict.actions:
        text.append(f"\n{glyphs().arrow} ", "bold").append(
            plain(action.text), "bold" if action.text.startswith("keep") else ""
        )
        if action.changes:
            text.append("  f makes that preset", "dim")
    return text
