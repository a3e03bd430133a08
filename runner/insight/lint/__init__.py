"""Settings that are allowed and likely wrong: rules with stable ids over preset, GPU and data.

A rule a preset breaks on purpose is named in its `lint.ignore`.
"""

from __future__ import annotations

import difflib

from runner.insight.lint import adapter, checkpoint, data, evaluation, hardware, meaning, schedule
from runner.insight.lint.rule import Complaint, LintFacts, LintFinding, LintSeverity, Rule

RULES: tuple[Rule, ...] = (
    *schedule.RULES.rules,
    *evaluation.RULES.rules,
    *adapter.RULES.rules,
    *checkpoint.RULES.rules,
    *hardware.RULES.rules,
    *data.RULES.rules,
    *meaning.RULES.rules,
)
IDS = frozenset(rule.id for rule in RULES)

__all__ = ["IDS", "RULES", "Complaint", "LintFacts", "LintFinding", "LintSeverity", "Rule", "lint"]


def lint(facts: LintFacts) -> tuple[LintFinding, ...]:
    """Every rule that is broken and not ignored, gravest first."""
    ignored = set(facts.preset.lint.ignore)
    found = [
        LintFinding(rule.id, rule.severity, said.key, said.what, rule.why, said.fix, said.fix_words)
        for rule in RULES
        # An error is a launch that cannot work: ignoring it would not make it work.
        if (rule.id not in ignored or rule.severity is LintSeverity.ERROR) and (said := rule.check(facts))
    ]
    found += [_unknown(name) for name in facts.preset.lint.ignore if name not in IDS]
    return tuple(sorted(found, key=lambda finding: -finding.severity))


def _unknown(name: str) -> LintFinding:
    close = difflib.get_close_matches(name, IDS, n=1)
    return LintFinding(
        "ignore-unknown",
        LintSeverity.WARNING,
        "lint.ignore",
        f"there is no rule {name!r}" + (f", did you mean {close[0]}?" if close else ""),
        "An id that is no rule's ignores nothing.",
    )
