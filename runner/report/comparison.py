"""Several runs side by side: what was set differently, what came of it, and whether the difference can be seen."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.insight import answers
from runner.insight.curves import AnswerPoint, Curves, EvalPoint, main_set
from runner.insight.diagnosis import Verdict, diagnose
from runner.insight.figures import loss, number
from runner.insight.paired import Paired, paired
from runner.insight.task import main_curve
from runner.insight.train_curve import Column
from runner.preset.errors import PresetError
from runner.preset.files import load_frozen
from runner.store.directory import RunDirectory
from runner.store.history import History, read_history

LETTERS = string.ascii_uppercase


@dataclass(frozen=True)
class Compared:
    """One run of a comparison. `values` are its settings by 'section.key', empty when they cannot be read."""

    id: str
    curves: Curves
    verdict: Verdict
    values: Mapping[str, Any]
    fingerprint: str = ""
    questions: str = ""

    @property
    def best(self) -> EvalPoint | None:
        """The evaluation with the least held-out loss."""
        return self.curves.best

    @property
    def judged_by(self) -> str | None:
        """The metric it is judged by instead of a loss."""
        return main_curve(self.curves)

    @property
    def best_words(self) -> str:
        """'1.3110 @300', or 'reward 0.91 @320' of what it is judged by; '' when there is none."""
        if self.judged_by is None:
            return f"{loss(self.best.loss)} @{self.best.step}" if self.best is not None else ""
        found = self.curves.metrics[self.judged_by].highest
        return f"{self.judged_by} {number(found[1])} @{found[0]}" if found is not None else ""

    @property
    def answered(self) -> AnswerPoint | None:
        """The answers at the best evaluation, whose weights are kept; else the last ones."""
        best = self.best
        same = [point for point in self.curves.answers if best is not None and point.step == best.step]
        return (*self.curves.answers[-1:], *same)[-1] if self.curves.answers else None

    @property
    def best_rows(self) -> Column | None:
        """The loss of every held-out row at the best evaluation, shape (rows,)."""
        best = self.best
        rows = self.curves.row_losses.get(main_set(self.curves.evals), {})
        return rows.get(best.step) if best is not None else None


def read(run: RunDirectory) -> Compared:
    """A run, for comparing."""
    history = read_history(run)
    curves = history.curves()
    prints = (fingerprint(history), fingerprint(history, "answers"))
    return Compared(run.id, curves, diagnose(curves), _settings(run), *prints)


def read_trace(path: Path | None) -> Compared:
    """The same for a run that was started elsewhere: without preset and losses of single rows. Raises TraceError."""
    from runner.foreign.opening import read_path

    assert path is not None
    trace, history = read_path(path)
    curves = history.curves()
    return Compared(trace.name, curves, diagnose(curves), {})


def fingerprint(history: History, name: str = "val") -> str:
    """Names the rows of an evaluation set as the trainer saw them, or with `answers` the questions that were asked;
    empty when it did not say.
    """
    prints = history.plan.get("eval_fingerprints")
    return str(prints.get(name, "")) if isinstance(prints, dict) else ""


def _settings(run: RunDirectory) -> dict[str, Any]:
    try:
        sections = load_frozen(run.preset).model_dump(mode="json")
    except (PresetError, OSError):
        return {}
    return {
        f"{name}.{key}": value
        for name, section in sections.items()
        if isinstance(section, dict)
        for key, value in section.items()
    }


def letter(place: int) -> str:
    """What the run at this place is called in a comparison: A, B … Z, 27."""
    return LETTERS[place] if place < len(LETTERS) else str(place + 1)


@dataclass(frozen=True)
class SideBySide:
    """A comparison in words. `rows` are cells under `heads`, '' where there is nothing to say; `settings` are those
    that differ, each with its value in every run; `sentences` hold each other run against the first.
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    settings: tuple[tuple[str, tuple[str, ...]], ...]
    sentences: tuple[str, ...]


def side_by_side(runs: Sequence[Compared]) -> SideBySide:
    """Everything there is to say of runs beside each other. The column of answers is left out where it is empty."""
    answered = [answers.short(run.answered) for run in runs]
    rows = [
        (letter(place), run.id, str(run.curves.step), run.best_words, answered[place], run.verdict.headline)
        for place, run in enumerate(runs)
    ]
    heads: tuple[str, ...] = ("", "run", "steps", "best eval", "answers", "verdict")
    kept = [at for at, head in enumerate(heads) if head != "answers" or any(answered)]
    return SideBySide(
        tuple(heads[at] for at in kept),
        tuple(tuple(row[at] for at in kept) for row in rows),
        tuple((name, tuple(str(value) for value in values)) for name, values in differing(runs)),
        tuple(sentence(runs[0], run, (letter(0), letter(at))) for at, run in enumerate(runs) if at),
    )


def differing(runs: Sequence[Compared]) -> list[tuple[str, list[Any]]]:
    """(setting, its value in each run) of the settings that are not alike in all. Of a run whose settings cannot
    be read nothing is said to differ.
    """
    names = list(dict.fromkeys(name for run in runs for name in run.values))
    rows = [(name, [run.values.get(name) for run in runs]) for name in names]
    known = [place for place, run in enumerate(runs) if run.values]
    return [row for row in rows if any(row[1][place] != row[1][known[0]] for place in known)]


def held_out_difference(first: Compared, other: Compared) -> Paired | None:
    """Each held-out row's loss at the other's best evaluation against that at the first's; None when the two were not
    judged by the same rows, or row losses were not kept.
    """
    before, now = first.best_rows, other.best_rows
    if before is None or now is None or not first.fingerprint or first.fingerprint != other.fingerprint:
        return None
    return paired(before, now)


def sentence(first: Compared, other: Compared, names: tuple[str, str] = ("A", "B")) -> str:
    """'B is better by 0.031 ± 0.008 on 64 held-out rows (78 % of them). B answers 5 more of 16 right (p = 0.06).', or
    why that cannot be said.
    """
    return " ".join(filter(None, (_of_losses(first, other, names), _of_answers(first, other, names))))


def answers_difference(first: Compared, other: Compared) -> answers.Difference | None:
    """The answers of the other against those of the first; None when they were not asked the same questions."""
    before, now = first.answered, other.answered
    if before is None or now is None or not first.questions or first.questions != other.questions:
        return None
    return answers.difference(before.rows, now.rows)


def _of_answers(first: Compared, other: Compared, names: tuple[str, str]) -> str:
    """'B answers 5 more of 16 right (p = 0.06: …)'; empty where exact match says nothing of either."""
    found = answers_difference(first, other)
    if found is None or not (answers.words(first.answered) or answers.words(other.answered)):
        return ""
    one, two = names
    if not found.more:
        return f"Of {found.n} held-out rows both answer as many right."
    more, most = (two, found.more) if found.more > 0 else (one, -found.more)
    doubt = "" if found.is_seen else ", no difference that can be seen"
    return f"{more} answers {most} more of {found.n} right (p = {found.p:.2g}{doubt})."


def _of_losses(first: Compared, other: Compared, names: tuple[str, str]) -> str:
    found = held_out_difference(first, other)
    one, two = names
    if found is None:
        return f"{two} against {one}: {_why_not(first, other)}"
    if not found.is_seen:
        return (
            f"{two} against {one}: no difference that can be seen "
            f"({found.mean:+.4f} ± {found.error:.4f} on {found.n} held-out rows)."
        )
    better, worse = (two, one) if found.mean < 0 else (one, two)
    share = 1 - found.share_worse if found.mean < 0 else found.share_worse
    return (
        f"{better} is better than {worse} by {abs(found.mean):.4f} ± {found.error:.4f} nats a token on {found.n} "
        f"held-out rows ({100 * share:.0f} % of them)."
    )


def _why_not(first: Compared, other: Compared) -> str:
    if first.judged_by is not None or other.judged_by is not None:
        return "they are not judged by a loss on held-out rows."
    if first.best is None or other.best is None:
        return "not both were evaluated."
    if first.fingerprint and other.fingerprint and first.fingerprint != other.fingerprint:
        return "they were judged by different held-out rows, so their losses cannot be compared."
    return "the losses of single rows were not kept, so the noise is not known."
