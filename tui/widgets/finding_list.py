"""What is likely wrong with a preset; one key mends it."""

from __future__ import annotations

from collections.abc import Mapping

from rich.text import Text
from textual.binding import Binding
from textual.reactive import reactive
from textual.widgets.option_list import Option

from runner.insight.lint import LintFinding, LintSeverity
from tui.colours import BAD, LIVE, NOTE, QUIET
from tui.glyphs import glyphs, plain
from tui.widgets.options import Options

STYLES = {LintSeverity.ERROR: BAD, LintSeverity.WARNING: NOTE, LintSeverity.NOTE: LIVE}


class FindingList(Options):
    """Findings, gravest first, or `calm` without any. The highlighted one is kept by its id."""

    BINDINGS = [
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
    ]

    findings: reactive[tuple[LintFinding, ...]] = reactive(())
    # What is said without findings.
    calm: reactive[str] = reactive("")

    def watch_findings(self, before: tuple[LintFinding, ...], findings: tuple[LintFinding, ...]) -> None:
        place = int(self.highlighted_option.id or 0) if self.highlighted_option is not None else 0
        kept = before[place] if place < len(before) else None
        self.clear_options()
        self.add_options(Option(prompt(finding), id=f"{place}") for place, finding in enumerate(findings))
        self._say_calm()
        ids = [finding.id for finding in findings]
        if ids:
            self.highlighted = ids.index(kept.id) if kept is not None and kept.id in ids else 0
        self.border_title = title(findings)

    def watch_calm(self) -> None:
        if not self.findings:
            self.clear_options()
            self._say_calm()

    def _say_calm(self) -> None:
        if not self.findings and self.calm:
            self.add_option(Option(Text(plain(f"{glyphs().finished} {self.calm}"), "dim"), disabled=True))

    @property
    def highlighted_finding(self) -> LintFinding | None:
        """The finding under the cursor."""
        option = self.highlighted_option
        if option is None or option.id is None or int(option.id) >= len(self.findings):
            return None
        return self.findings[int(option.id)]


def mistakes(problems: Mapping[str, str]) -> tuple[LintFinding, ...]:
    """What is wrong with settings, as findings: nothing else is judged before they are right."""
    return tuple(
        LintFinding(
            "invalid",
            LintSeverity.ERROR,
            key,
            f"{key}: {what}" if key else what,
            "Nothing is judged before it is mended.",
        )
        for key, what in problems.items()
    )


def prompt(finding: LintFinding) -> Text:
    """What, why, and the fix."""
    sign = glyphs().failed if finding.severity is LintSeverity.ERROR else glyphs().up
    style = BAD if finding.is_danger else STYLES[finding.severity]
    text = Text().append(f"{sign} ", style).append(plain(finding.what), style)
    text.append(plain(f"  {finding.why}"), QUIET)
    if finding.fix:
        text.append(plain(f"  {glyphs().arrow} f: {finding.fix_text}"), "bold")
    elif finding.fix_text:
        text.append(plain(f"  {glyphs().arrow} {finding.fix_text}"))
    return text


def title(findings: tuple[LintFinding, ...]) -> str:
    """'2 errors, 1 warning'."""
    parts = []
    for severity in reversed(LintSeverity):
        count = sum(finding.severity is severity for finding in findings)
        if count:
            parts.append(f"{count} {severity.name.lower()}{'s' if count > 1 else ''}")
    return ", ".join(parts) or "Findings"
