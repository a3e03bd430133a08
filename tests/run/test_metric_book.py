"""Named numbers beside the loss, from events to curves."""

from __future__ import annotations

import math

import pytest

from runner.store.history import History
from runner.store.metric_book import MOST_NAMES, MetricBook


def test_columns_grow_and_what_was_handed_out_stays() -> None:
    book = MetricBook()
    book.add(1, {"reward": 0.5, "kl": "NaN"})
    first = book.curves()
    book.add(2, {"reward": 0.7})
    assert first["reward"].value.tolist() == [0.5]
    assert book.curves()["reward"].step.tolist() == [1, 2]
    assert math.isnan(book.curves()["kl"].value[0])


def test_a_step_that_comes_again_replaces_what_came_after_it() -> None:
    book = MetricBook()
    for step in (1, 2, 3):
        book.add(step, {"reward": step})
    before = book.curves()["reward"]
    book.add(2, {"reward": 20})
    assert book.curves()["reward"].value.tolist() == [1, 20]
    assert before.value.tolist() == [1, 2, 3]
    book.cut(1)
    book.add(2, {"reward": 5})
    book.add(3, {"reward": 6})
    assert book.curves()["reward"].value.tolist() == [1, 5, 6]


def test_names_are_bounded() -> None:
    book = MetricBook()
    for i in range(3 * MOST_NAMES):
        book.add(1, {f"m{i}": i})
    assert len(book.curves()) == MOST_NAMES


def test_history_folds_metrics_and_answers() -> None:
    history = History()
    history.fold({"type": "metrics", "step": 3, "values": {"reward": 1.5}})
    history.fold({"type": "metrics", "step": 4, "values": {"reward": []}})
    history.fold({"type": "eval", "set": "val", "step": 4, "loss": 1.0, "metrics": {"accuracy": 0.5}})
    answers = {"n": 2, "exact": 1, "ended": 2, "fields": {"count": 1}, "rows": [True, False]}
    history.fold({"type": "answers", "step": 4, **answers})
    history.fold({"type": "answers", "step": 5, **answers, "exact": 3})
    assert history.bad_events == 2
    curves = history.curves()
    assert curves.metrics["reward"].value.tolist() == [1.5]
    assert curves.eval_metrics["val"]["accuracy"].value.tolist() == [0.5]
    (point,) = curves.answers
    assert (point.exact, point.n, point.fields, point.rows) == (1, 2, {"count": 1}, (True, False))
    history.fold({"type": "resume", "step": 3})
    assert history.curves().answers == ()
    assert history.curves().eval_metrics["val"]["accuracy"].value.tolist() == []


def test_what_cannot_be_a_number_raises() -> None:
    with pytest.raises(TypeError):
        MetricBook().add(1, {"x": True})
    with pytest.raises(ValueError, match="could not convert"):
        MetricBook().add(1, {"x": "much"})
