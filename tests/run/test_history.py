"""Events folded: resumes, nonsense, order."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from runner.store.events import Phase
from runner.store.history import History


def fold(*events: dict[str, Any]) -> History:
    history = History()
    for event in events:
        history.fold(event)
    return history


def step(number: int, loss: Any = 1.0) -> dict[str, Any]:
    return {"type": "step", "step": number, "loss": loss}


def test_steps_become_columns_and_missing_fields_nan() -> None:
    train = fold(step(1, 2.5), step(2, "NaN")).train
    assert list(train.step) == [1, 2]
    assert train.loss[0] == 2.5
    assert math.isnan(train.loss[1])
    assert math.isnan(train.lr[0])


def test_a_step_that_comes_again_replaces_what_followed_it() -> None:
    history = fold(step(1), step(2), step(3), step(4), step(3, 0.5), step(4, 0.4))
    assert list(history.train.step) == [1, 2, 3, 4]
    assert list(history.train.loss) == [1.0, 1.0, 0.5, 0.4]


def test_an_evaluation_that_comes_again_replaces_the_later_ones() -> None:
    def evaluation(at: int, loss: float) -> dict[str, Any]:
        return {"type": "eval", "set": "val", "step": at, "loss": loss}

    history = fold(evaluation(0, 3), evaluation(10, 2), evaluation(20, 1), evaluation(10, 1.9))
    assert [(p.step, p.loss) for p in history.evals["val"]] == [(0, 3.0), (10, 1.9)]


def test_nonsense_is_counted_and_passed_over() -> None:
    history = fold(
        {"type": "step"},
        {"type": "step", "step": "x", "loss": 1},
        {"type": "step", "step": -3, "loss": 1},
        {"type": "eval", "set": "val", "step": None, "loss": 1},
        {"type": "phase", "phase": "dancing"},
        {"type": "end"},
        {"type": "something new"},
        {},
        step(1),
    )
    assert history.bad_events == 6
    assert list(history.train.step) == [1]


def test_the_end_ends_the_run_and_a_late_phase_does_not_revive_it() -> None:
    history = fold({"type": "end", "status": "finished"}, {"type": "phase", "phase": "training"})
    assert history.phase is Phase.FINISHED


scalars: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.just([]) | st.just({})
)
kinds = st.sampled_from(
    ["step", "eval", "phase", "plan", "checkpoint", "memory", "warning", "error", "end", "curves"]
)
fields = st.sampled_from(
    ["step", "loss", "set", "n", "epoch", "phase", "status", "seconds", "t", "total_steps"]
)


@given(
    st.lists(st.builds(lambda k, f: {**f, "type": k}, kinds, st.dictionaries(fields, scalars)), max_size=12)
)
def test_any_events_fold_into_curves_that_can_be_judged(events: list[dict[str, Any]]) -> None:
    from runner.insight.diagnosis import diagnose

    curves = fold(*events).curves()
    assert len({len(getattr(curves.train, name)) for name in curves.train.__dataclass_fields__}) == 1
    assert list(curves.train.step) == sorted(set(curves.train.step))
    assert diagnose(curves).sentence
