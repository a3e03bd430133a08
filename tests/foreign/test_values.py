"""What the values of a log mean."""

from __future__ import annotations

import pytest

from runner.foreign.logbook import Logbook
from runner.foreign.values import evaluations, numbers, train_metrics
from runner.store.history import History


def found(values: dict[str, float]) -> dict[str, tuple[float | None, dict[str, float]]]:
    return {one.name: (one.loss, one.metrics) for one in evaluations(values)}


@pytest.mark.parametrize(
    ("values", "sets"),
    [
        ({"eval_loss": 1, "eval_accuracy": 0.5, "eval_runtime": 3}, {"": (1, {"accuracy": 0.5})}),
        (
            {"eval_a_loss": 1, "eval_a_f1": 0.5, "eval_a_runtime": 3, "eval_b_loss": 2, "eval_b_runtime": 3},
            {"a": (1, {"f1": 0.5}), "b": (2, {})},
        ),
        # Without durations every loss is a set's, unless there is one without a name.
        ({"eval_a_loss": 1, "eval_b_loss": 2}, {"a": (1, {}), "b": (2, {})}),
        ({"eval_loss": 1, "eval_kl_loss": 2}, {"": (1, {"kl_loss": 2})}),
        ({"eval_a_loss": 1, "eval_a_runtime": 3, "eval_kl_loss": 2}, {"a": (1, {"kl_loss": 2})}),
        # Sets whose names begin alike.
        (
            {
                "eval_a_loss": 1,
                "eval_a_b_loss": 2,
                "eval_a_b_bleu": 9,
                "eval_a_runtime": 1,
                "eval_a_b_runtime": 1,
            },
            {"a": (1, {}), "a_b": (2, {"bleu": 9})},
        ),
        ({"eval_rouge1": 40.0, "eval_runtime": 3}, {"": (None, {"rouge1": 40.0})}),
        ({"eval_rewards/margins": 2.0, "eval_loss": 0.1}, {"": (0.1, {"rewards/margins": 2.0})}),
        ({"eval_runtime": 3.0, "eval_samples_per_second": 2.0}, {}),
        ({"loss": 1.0}, {}),
    ],
)
def test_evaluations(
    values: dict[str, float], sets: dict[str, tuple[float | None, dict[str, float]]]
) -> None:
    assert found(values) == sets


def test_a_trainer_s_test_set_is_a_set() -> None:
    assert found(numbers({"test_loss": 1.0, "test_accuracy": 0.5})) == {"test": (1.0, {"accuracy": 0.5})}


def test_what_is_measured_beside_the_loss() -> None:
    values = {
        "loss": 1.0,
        "epoch": 0.1,
        "grad_norm": 1.0,
        "num_tokens": 5.0,
        "reward": 0.5,
        "kl": 0.1,
        "rewards/margins": 2.0,
        "loss/policy_avg": -0.1,
        "completions/mean_length": 200.0,
        "entropy": 0.9,
        "memory(GiB)": 15.0,
        "train_speed(iter/s)": 2.0,
        "train_runtime": 3.0,
        "step_time": 1.0,
        "eval_accuracy": 0.5,
    }
    assert train_metrics(values).keys() == {
        "reward",
        "kl",
        "rewards/margins",
        "loss/policy_avg",
        "completions/mean_length",
        "entropy",
    }


def test_means_over_the_whole_run_are_no_values_of_a_step() -> None:
    assert numbers({"train_runtime": 9.0, "entropy": 0.5, "train_loss": 1.0, "epoch": 2.0}) == {
        "train_runtime": 9.0
    }


def folded(book: Logbook) -> History:
    history = History()
    for event in book.take():
        history.fold(event)
    return history


def test_metrics_without_a_loss_have_steps() -> None:
    book = Logbook("run")
    for step in (1, 2, 3):
        book.add(step, {"reward": step / 10, "epoch": step / 100})
    history = folded(book)
    curves = history.curves()
    assert (len(curves.train), curves.step, history.bad_events) == (0, 3, 0)
    assert list(curves.metrics["reward"].step) == [1, 2, 3]


def test_an_evaluation_without_a_loss_is_no_nan() -> None:
    book = Logbook("run")
    book.add(5, {"loss": 1.0})
    book.add(5, {"eval_bleu": 20.0, "eval_runtime": 1.0})
    history = folded(book)
    curves = history.curves()
    assert (curves.evals, history.bad_events) == ({}, 0)
    assert list(curves.eval_metrics["val"]["bleu"].value) == [20.0]


def test_a_step_0_is_told_as_1_unless_that_is_logged_too() -> None:
    for steps, told in (([0, 10, 20], [1, 10, 20]), ([0, 1, 2], [1, 2])):
        book = Logbook("run")
        for step in steps:
            book.add(step, {"loss": 3.0 - step / 10})
        history = folded(book)
        assert list(history.train.step) == told
        assert history.resumed_at == []


@pytest.mark.parametrize(
    ("steps", "begins_at"),
    [
        ([10, 20, 30], None),
        ([1, 10, 20], None),
        ([1650, 1700], 1650),
        ([30, 40], 30),
        ([500], None),
        ([5, 5], None),
    ],
)
def test_where_a_log_begins(steps: list[int], begins_at: int | None) -> None:
    book = Logbook("run")
    for step in steps:
        book.add(step, {"loss": 1.0})
    assert folded(book).curves().begins_at_step == begins_at


def test_a_run_that_was_over_may_go_on() -> None:
    book, history, seen = Logbook("run"), History(), []
    for step, logs in ((10, {"loss": 1.0}), (10, {"train_runtime": 5.0}), (20, {"loss": 0.5})):
        book.add(step, logs)
        for event in book.take():
            history.fold(event)
        seen.append((history.step, history.phase.is_over))
    assert seen == [(10, False), (10, True), (20, False)]


def test_an_evaluation_before_the_first_step_again_means_that_it_was_begun_again() -> None:
    """As nanoGPT and mlx-lm evaluate before they train, in a log that two trainings were appended to."""
    book = Logbook("run")
    for base in (5.0, 3.0):
        book.add(0, {"eval_loss": base})
        for step in (10, 20):
            book.add(step, {"loss": base - step / 100})
        book.add(20, {"eval_loss": base - 0.5})
    history = folded(book)
    assert list(history.train.loss) == [2.9, 2.8]
    assert [(p.step, p.loss) for p in history.evals["val"]] == [(0, 3.0), (20, 2.5)]
