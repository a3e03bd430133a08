"""Rules about what rows mean: answers that are not learned, chats given as text, what is left out or unused."""

from __future__ import annotations

from runner.insight.data import Defects
from runner.insight.lint.data import examined
from runner.insight.lint.rule import Complaint, LintFacts, LintSeverity, Rules

RULES = Rules()
# Columns that say where a row is from, and nothing that could be learned.
_LABELS = (
    "id idx index uid uuid hash key source url dataset split lang language category topic task num_turns"
)
_LABELS += " prompt_id conversation_id timestamp created_at date author model meta metadata tags version"
OF_NO_MEANING = frozenset(
    f"column {name} is not used" for name in [*_LABELS.split(), "__index_level_0__", "unnamed: 0"]
)
NOTE, WARNING = LintSeverity.NOTE, LintSeverity.WARNING


def _first(defects: Defects) -> str:
    """The first row of a kind in words; empty when none is listed."""
    return next((f"; row {note.row} {note.text}" for note in defects.notes), "")


@RULES.rule("turns-untrained", WARNING, "Answers before the last one are read and not learned.")
def _(facts: LintFacts) -> Complaint | None:
    report = examined(facts)
    if report is None or not report.untrained_turns or facts.preset.data.assistant_turns != "last":
        return None
    return Complaint(
        "data.assistant_turns",
        f"{report.untrained_turns:,} answers before the last of their conversation are not learned",
        (("data.assistant_turns", "auto"),),
    )


@RULES.rule(
    "turns-unrolled",
    NOTE,
    "The chat template writes earlier answers otherwise than the last one, so each is a sample of its own.",
)
def _(facts: LintFacts) -> Complaint | None:
    report = examined(facts)
    if report is None or not report.more_samples:
        return None
    rows, samples = report.train_rows, report.train_samples
    return Complaint(
        "data.assistant_turns",
        f"{rows:,} conversations are unrolled into {samples:,} samples, +{report.unrolled_percent:.0f} % tokens",
        (),
        "nothing; or `last` to learn the last answers alone",
    )


@RULES.rule(
    "text-templated",
    WARNING,
    "A chat that is given as text is learned whole, questions included, in another model's format perhaps.",
)
def _(facts: LintFacts) -> Complaint | None:
    report = examined(facts)
    if report is None or not report.templated.count or facts.preset.data.text_rows != "plain":
        return None
    first = _first(report.templated)
    return Complaint(
        "data.text_rows",
        f"{report.templated.count:,} rows of text are chats{first}",
        (("data.text_rows", "chat"),),
    )


@RULES.rule("placeholders", WARNING, "What was to be filled is learned as it stands: the model will say it.")
def _(facts: LintFacts) -> Complaint | None:
    report = examined(facts)
    if report is None or not report.placeholders.count:
        return None
    first = _first(report.placeholders)
    return Complaint(
        "data.train_dataset",
        f"{report.placeholders.count:,} rows have a placeholder{first}",
        (),
        "fill them in",
    )


@RULES.rule("rows-left-out", NOTE, "They are left out by a setting, or their author marked them so.")
def _(facts: LintFacts) -> Complaint | None:
    report = examined(facts)
    if report is None or not report.left_out_rows:
        return None
    source = next(source for source in report.sources if source.left_out.count)
    first = next((f"; {source.name} row {note.row}: {note.text}" for note in source.left_out.notes), "")
    return Complaint(
        "data.on_bad_rows", f"{report.left_out_rows:,} of {report.rows_read:,} rows are left out{first}"
    )


@RULES.rule(
    "rows-remarks", NOTE, "Something of the rows is used otherwise than it stands there, or not at all."
)
def _(facts: LintFacts) -> Complaint | None:
    report = examined(facts)
    found = [
        (source, remark)
        for source in (report.sources if report is not None else ())
        for remark in source.remarks
        if not remark.text.startswith("columns ") and remark.text not in OF_NO_MEANING
    ]
    if not found:
        return None
    source, remark = max(found, key=lambda one: one[1].count)
    more = f", and {len(found) - 1} more remarks" if len(found) > 1 else ""
    return Complaint("data.train_dataset", f"{remark.count:,} rows of {source.name}: {remark.text}{more}")


@RULES.rule(
    "template-dated", NOTE, "A run that goes on another day would train other tokens, were the date not held."
)
def _(facts: LintFacts) -> Complaint | None:
    report = examined(facts)
    if report is None or not report.dated:
        return None
    return Complaint(
        "model.chat_template_path",
        "the chat template writes today's date into rows; it is held at the run's start",
    )
