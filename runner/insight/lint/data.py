"""Rules about the rows: what is bad, cut, copied, masked, missing."""

from __future__ import annotations

from typing import Any

from runner.insight.data import CONVERSATIONS, DataReport, Remark, Source, quantile
from runner.insight.lint.rule import Complaint, LintFacts, LintSeverity, Rules
from runner.insight.memory.savings import Changes
from runner.insight.split import blended_size
from runner.preset.data_sources import mixed_in, source_named

RULES = Rules()
# What a reason says -> the setting it names.
CURES: dict[str, tuple[str, Any]] = {
    "data.prefer: chosen": ("data.prefer", "chosen"),
    "takes no system turn": ("data.system", "merge_into_user"),
}
NOTE, WARNING, ERROR = LintSeverity.NOTE, LintSeverity.WARNING, LintSeverity.ERROR
LEAST_TRAINED_SHARE = 0.01
MOST_CUT_SHARE = 0.01
MOST_COPIES_SHARE = 0.02
LEAST_EVAL_ROWS = 20


def examined(facts: LintFacts) -> DataReport | None:
    """The report, when there is one with rows in it."""
    report = facts.data
    return report if report is not None and not report.problem and report.rows_read else None


@RULES.rule("data-problem", ERROR, "The trainer would meet the same problem after loading everything.")
def _(facts: LintFacts) -> Complaint | None:
    report = facts.data
    if report is not None and report.problem:
        return Complaint("data.train_dataset", report.problem, (), report.hint)
    return None


@RULES.rule(
    "rows-bad",
    ERROR,
    "The trainer refuses a file with rows it cannot use, rather than leave them out silently.",
)
def _(facts: LintFacts) -> Complaint | None:
    report = examined(facts)
    if report is None or not report.bad_rows or facts.preset.data.on_bad_rows == "skip":
        return None
    source = next(source for source in report.sources if source.bad.count)
    reasons = source.bad_by_reason
    first = f" row {reasons[0].first}: {reasons[0].text}" if reasons else ""
    named = source_named(facts.preset.data, source.name)
    return Complaint(
        named.key if named is not None else "data.train_dataset",
        f"{report.bad_rows} of {report.rows_read} rows cannot be used; {source.name}{first}",
        _cure(reasons, source)
        or ((("data.on_bad_rows", "skip"),) if report.bad_rows < report.rows_read else ()),
    )


def _cure(reasons: tuple[Remark, ...], source: Source) -> Changes:
    """The setting that makes rows of use, where it is the same for all of them. Two columns under names that are not
    known are a question and its answer more often than anything else.
    """
    if (
        len(source.columns) == 2
        and reasons
        and all("none of the known shapes" in one.text for one in reasons)
    ):
        return (("data.columns", dict(zip(("question", "answer"), source.columns, strict=True))),)
    for words, change in CURES.items():
        if reasons and all(words in one.text for one in reasons):
            return (change,)
    return ()


@RULES.rule("trained-none", ERROR, "A run without a token to learn from shows a loss and changes nothing.")
def _(facts: LintFacts) -> Complaint | None:
    report = examined(facts)
    if report is not None and not report.bad_rows and not report.trained_tokens:
        return Complaint(
            "train.assistant_only_loss", "0 % of the tokens are learned", (), "see the X-ray of the data"
        )
    return None


@RULES.rule(
    "trained-little",
    WARNING,
    "Nearly everything is read and hardly anything learned: the mask or the template is likely wrong.",
)
def _(facts: LintFacts) -> Complaint | None:
    report = examined(facts)
    share = report.trained_share if report is not None else None
    if share is not None and 0 < share < LEAST_TRAINED_SHARE:
        return Complaint("train.assistant_only_loss", f"only {100 * share:.2f} % of the tokens are learned")
    return None


@RULES.rule("rows-untrained", WARNING, "These rows are dropped: nothing in them is learned.")
def _(facts: LintFacts) -> Complaint | None:
    report = examined(facts)
    if report is None or not report.untrained.count or not report.trained_tokens:
        return None
    note = report.untrained.notes[0] if report.untrained.notes else None
    first = f"; row {note.row} {note.text}" if note is not None else ""
    return Complaint("train.max_length", f"{report.untrained.count} rows train nothing{first}")


@RULES.rule(
    "rows-cut",
    WARNING,
    "The ends of the answers are lost, and with them the end-of-turn token: the model learns not to stop.",
)
def _(facts: LintFacts) -> Complaint | None:
    report = examined(facts)
    if report is None or not report.train_rows or not report.truncated.count:
        return None
    seen = sum(report.lengths.values()) + report.untrained.count
    if report.truncated.count <= MOST_CUT_SHARE * seen:
        return None
    longer = -(-quantile(report.lengths, 1 - MOST_CUT_SHARE / 2) // 64) * 64
    if facts.architecture is not None and facts.architecture.max_positions is not None:
        longer = min(longer, facts.architecture.max_positions)
    return Complaint(
        "train.max_length",
        f"{report.truncated.count} rows ({100 * report.truncated.count / seen:.0f} %) are cut at "
        f"{report.max_length} tokens, {report.tokens_lost:,} tokens lost",
        (("train.max_length", longer),) if longer > report.max_length else (),
    )


@RULES.rule("rows-copied", WARNING, "A row that stands twice is learned twice as hard, and first by heart.")
def _(facts: LintFacts) -> Complaint | None:
    report = examined(facts)
    if report is None:
        return None
    read = report.sources[0].rows_read
    if read and report.duplicates.count > MOST_COPIES_SHARE * read:
        return Complaint(
            "data.train_dataset",
            f"{report.duplicates.count} rows are copies of others",
            (),
            "remove the copies",
        )
    return None


@RULES.rule(
    "eval-leak",
    WARNING,
    "A held-out row that is also trained on measures memory; such rows are not evaluated.",
)
def _(facts: LintFacts) -> Complaint | None:
    report = examined(facts)
    if report is not None and report.overlap.count:
        return Complaint("data.eval_dataset", f"{report.overlap.count} held-out rows are training rows too")
    return None


@RULES.rule("eval-small", NOTE, "The loss over so few rows is mostly noise.")
def _(facts: LintFacts) -> Complaint | None:
    report = examined(facts)
    if report is not None and report.complete and facts.evaluates and report.eval_rows < LEAST_EVAL_ROWS:
        return Complaint("data.eval_fraction", f"only {report.eval_rows} rows are held out")
    return None


@RULES.rule(
    "end-untrained", WARNING, "A model that never learns its end-of-turn token does not stop talking."
)
def _(facts: LintFacts) -> Complaint | None:
    report = examined(facts)
    if report is None or not report.trained_tokens:
        return None
    rows = sum(report.lengths.values())
    if report.end_untrained.count > rows / 2:
        return Complaint(
            "model.chat_template_path", f"the end of {report.end_untrained.count} rows is not learned"
        )
    return None


@RULES.rule(
    "end-other",
    NOTE,
    "The model is stopped by its EOS token; answers that end in another one may go on in some servers.",
)
def _(facts: LintFacts) -> Complaint | None:
    report = examined(facts)
    if report is not None and report.trained_tokens and not report.ends_with_eos:
        if report.end_untrained.count > sum(report.lengths.values()) / 2:
            return None
        return Complaint("model.chat_template_path", "answers end in a token that is not the tokenizer's EOS")
    return None


@RULES.rule(
    "bos-doubled", WARNING, "The model has never seen two BOS tokens; template and tokenizer each add one."
)
def _(facts: LintFacts) -> Complaint | None:
    report = examined(facts)
    if report is not None and report.doubled_bos.count:
        return Complaint(
            "model.chat_template_path", f"{report.doubled_bos.count} rows begin with two BOS tokens"
        )
    return None


@RULES.rule(
    "loss-on-questions", WARNING, "The model also learns to ask the questions; only the answers are wanted."
)
def _(facts: LintFacts) -> Complaint | None:
    report = examined(facts)
    if report is None or facts.preset.train.assistant_only_loss:
        return None
    if any(report.sources[0].formats.get(name) for name in CONVERSATIONS):
        return Complaint(
            "train.assistant_only_loss",
            "conversations are learned whole, questions included",
            (("train.assistant_only_loss", True),),
        )
    return None


@RULES.rule(
    "mix-large", WARNING, "With more general rows than own ones the run is mostly about something else."
)
def _(facts: LintFacts) -> Complaint | None:
    total = sum(source.ratio for source in mixed_in(facts.preset.data))
    if total > 0.5:
        return Complaint(
            "data.mix", f"{100 * total:.0f} % of the rows are general data", (), "ratios of 0.05 to 0.25"
        )
    return None


@RULES.rule("mix-short", WARNING, "A source that is too small gives what it has: the ratio is not reached.")
def _(facts: LintFacts) -> Complaint | None:
    report = examined(facts)
    mix = mixed_in(facts.preset.data)
    if report is None or not report.complete or not mix:
        return None
    own = report.train_rows - report.mix_rows
    wanted = sum(blended_size(own, one.ratio, sum(source.ratio for source in mix)) for one in mix)
    if report.mix_rows < 0.9 * wanted:
        return Complaint(
            "data.mix", f"{report.mix_rows} general rows instead of {wanted}", (), "more general data"
        )
    return None


@RULES.rule("trial-size", NOTE, "max_train_samples is for trials: the rest of the rows is not trained on.")
def _(facts: LintFacts) -> Complaint | None:
    most, report = facts.preset.data.max_train_samples, examined(facts)
    if most is not None and report is not None and report.sources[0].rows_read > most:
        return Complaint(
            "data.max_train_samples",
            f"{most} of {report.sources[0].rows_read} rows are used",
            (("data.max_train_samples", None),),
        )
    return None
