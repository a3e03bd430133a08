"""A loss that falls while hardly an answer is right."""

from __future__ import annotations

from runner.insight import answers
from runner.insight.curves import AnswerPoint, Curves
from runner.insight.diagnosis.finding import Action, Change, Finding, FindingKind, Severity

# Under a tenth right of fewer rows is chance.
FEWEST_ANSWERS = 8
HARDLY = 0.1
# A field under this is what to look at.
WRONG_FIELD = 0.5
# Before half of the run, the answers may still come.
DUE = 0.5


def answers_wrong(curves: Curves) -> Finding | None:
    """`answers-wrong`: of at least eight held-out rows under a tenth is answered exactly, at the end, or past half of
    the run and no more than at the evaluation before.

    Only where exact match says something: nearly all expected answers are short or records of short values. Prose can
    be right in many words, and a false alarm about it would be worse than none.
    """
    now = curves.last_answers
    if now is None or now.n < FEWEST_ANSWERS or now.exact >= HARDLY * now.n or not answers.is_telling(now):
        return None
    if not curves.is_over and not _is_stuck(curves):
        return None
    return Finding(
        id="answers-wrong",
        name="hardly an answer right",
        severity=Severity.WARNING,
        since_step=next((p.step for p in curves.answers if p.step), now.step),
        sentence=f"Only {now.exact} of {now.n} held-out rows are answered exactly, whatever the loss says."
        f"{_fields(now)}{_ends(now)}",
        actions=(
            Action("read the answers beside the expected ones (a)"),
            Action(
                "next time: one epoch more, or a base that does more of the task already",
                (Change("train.num_train_epochs", FindingKind.TIMES, 2),),
            ),
        ),
        evidence={
            "asked_rows": now.n,
            "exact": now.exact,
            "ended": now.ended,
            **{f"right in {name}": right for name, right in now.fields.items()},
        },
    )


def _is_stuck(curves: Curves) -> bool:
    if not curves.total_steps or len(curves.answers) < 2:
        return False
    before, now = curves.answers[-2:]
    return (
        now.step >= DUE * curves.total_steps and now.exact <= before.exact and _right(now) <= _right(before)
    )


def _right(point: AnswerPoint) -> int:
    """Right values over all fields: they may come before whole answers do."""
    return sum(point.fields.values())


def _fields(point: AnswerPoint) -> str:
    wrong = {name: right for name, right in point.fields.items() if right < WRONG_FIELD * point.n}
    if not wrong:
        return ""
    ranked = sorted(wrong.items(), key=lambda item: item[1])
    return f" Wrong most often: {', '.join(f'{name} ({right} right)' for name, right in ranked)}."


def _ends(point: AnswerPoint) -> str:
    return f" Only {point.ended} end by themselves." if point.ended < point.n / 2 else ""


def said(curves: Curves) -> str:
    """' 15 of 16 answers right.', to stand behind a sentence; empty where there is nothing to say."""
    found = answers.words(curves.last_answers)
    return f" {found}." if found else ""
