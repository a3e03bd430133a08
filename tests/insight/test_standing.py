"""The best evaluation, the held-out sets, and where a run stands in words."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.insight import standing
from runner.insight.curves import Curves, EvalPoint, Metric, best_of, held_out, main_set
from runner.insight.diagnosis import diagnose, is_remark
from runner.insight.diagnosis.held_out import with_main_set
from runner.insight.drawn import drawn


def points(*losses: float) -> tuple[EvalPoint, ...]:
    return tuple(EvalPoint(10 * place, loss) for place, loss in enumerate(losses))


def metric(*values: float) -> Metric:
    return Metric(np.array([10.0 * place for place in range(len(values))]), np.array(values))


@given(st.lists(st.floats()))
def test_the_best_evaluation_is_the_first_least_finite_one(losses: list[float]) -> None:
    best = best_of(points(*losses))
    finite = [loss for loss in losses if math.isfinite(loss)]
    if not finite:
        assert best is None
    else:
        assert best is not None
        assert best.step == 10 * losses.index(min(finite))


def test_val_is_the_main_set_where_there_is_one() -> None:
    evals = {"chat": points(2.0), "val": points(1.0), "train_probe": points(0.5), "empty": ()}
    assert list(held_out(evals)) == ["val", "chat"]
    assert main_set(evals) == "val"
    assert Curves(evals=evals).val == points(1.0)


def test_without_val_the_first_set_stands_for_the_run() -> None:
    curves = Curves(evals={"train_probe": points(0.5), "chat": points(2.0, 1.5), "code": points(1.0, 0.9)})
    assert main_set(curves.evals) == "chat"
    assert curves.best == EvalPoint(10, 1.5)
    view = with_main_set(curves)
    assert view.val is curves.evals["chat"]
    # Under its second name it is no third set.
    assert list(held_out(view.evals)) == ["chat", "code"]


def test_without_held_out_rows_there_is_nothing() -> None:
    curves = Curves(evals={"val": (), "train_probe": points(0.5)})
    assert curves.val == ()
    assert curves.best is None
    assert main_set(curves.evals) == "val"


def test_evaluations_in_words() -> None:
    curves = Curves(
        evals={
            "train_probe": points(0.5),
            "code": points(2.0, 1.0, 1.5, math.nan),
            "broken": points(math.nan, math.inf),
            "none left": (),
        }
    )
    assert standing.evaluations(curves) == [
        ("code", "2.0000 → NaN, best 1.0000 at step 10, 4 evaluations, 1 not finite"),
        ("broken", "no finite loss in 2 evaluations"),
        ("training rows", "0.5000, best 0.5000 at step 0, 1 evaluation"),
    ]


def test_measures_of_the_last_and_of_the_best_evaluation() -> None:
    sets = {"val": points(2.0, 1.0, 1.5)}
    measured = {"accuracy": metric(0.2, 0.6, 0.65), "runtime": metric(5.0, 5.0, 5.0), "f1": metric(math.nan)}
    curves = Curves(evals=sets, eval_metrics={"val": measured})
    assert standing.measures(curves) == [
        ("", "accuracy", "0.65 at step 20, 0.6 at step 10, where the loss is best")
    ]
    two = Curves(evals={**sets, "code": points(1.0)}, eval_metrics={"val": measured})
    assert [of for of, _, _ in standing.measures(two)] == ["val"]


def rewarded(*rewards: float) -> Curves:
    return Curves(
        metrics={"reward": metric(*rewards), "kl": metric(0.0, 0.1), "completion_length": metric(40)}
    )


def test_runs_of_reinforcement_learning_say_what_they_are_judged_by() -> None:
    assert standing.task_lines(rewarded(0.1, math.nan, 0.9, 0.8)) == [
        ("task", "reinforcement learning, judged by reward"),
        ("reward", "0.1 → 0.8, highest 0.9 at step 20"),
        ("KL", "0 → 0.1 (kl)"),
        ("length", "40 (completion_length)"),
    ]
    assert standing.task_lines(Curves(evals={"val": points(1.0)})) == []
    # Without any finite value there is only the task to tell.
    assert [name for name, _ in standing.task_lines(rewarded(math.nan))] == ["task", "KL", "length"]


def test_what_is_drawn_of_them_is_the_reward_and_its_best_is_the_highest() -> None:
    curves = Curves(
        evals={"val": points(1.0, 0.5)},
        metrics={"reward": metric(0.1, 0.5)},
        eval_metrics={"val": {"reward": metric(0.3, 0.9, math.nan)}},
    )
    what = drawn(curves)
    assert what.name == "reward"
    assert [point.loss for point in what.main][:2] == [0.3, 0.9]
    assert what.best == EvalPoint(10, 0.9)
    assert what.last_step == 20


def test_at_most_four_sets_are_drawn() -> None:
    what = drawn(Curves(evals={f"g{n}": points(1.0 + n) for n in range(6)}))
    assert list(what.sets) == ["g0", "g1", "g2", "g3"]
    assert what.left_out == 2


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("held-out loss up", True),
        ("learned by heart", True),
        ("reward flat", True),
        ("healthy", False),
        ("", False),
    ],
)
def test_which_verdicts_are_remarks(kind: str, expected: bool) -> None:
    assert is_remark(kind) is expected


def test_a_remark_is_no_alarm_and_an_alarm_no_remark() -> None:
    rising = diagnose(Curves(evals={"val": points(2.5, 1.8, 1.4, 1.2, 1.21, 1.24)}))
    assert rising.is_remark
    assert not diagnose(Curves(evals={"val": points(2.5, 1.8, 1.4)})).is_remark
