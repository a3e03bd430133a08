"""Runs of reinforcement and preference learning are judged by what they are made to increase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from runner.insight.curves import Curves, Metric
from runner.insight.diagnosis import Severity, VerdictKind, diagnose
from runner.insight.task import Task, main_curve, task_of
from runner.insight.train_curve import Column, TrainCurve

RNG = np.random.default_rng(0)


def run(loss: Sequence[float] | Column, metrics: Mapping[str, Sequence[float] | Column]) -> Curves:
    n = len(loss)
    steps = np.arange(1.0, n + 1)
    return Curves(
        train=TrainCurve.of(loss=loss, grad_norm=np.full(n, 0.1)),
        metrics={
            name: Metric(steps[: len(values)], np.asarray(values, dtype=float))
            for name, values in metrics.items()
        },
        nan_hidden=True,
    )


def noisy(start: float, end: float, n: int = 100, sd: float = 0.05) -> Column:
    return np.asarray(np.linspace(start, end, n) + RNG.normal(0, sd, n))


def ids(curves: Curves) -> list[str]:
    return [finding.id for finding in diagnose(curves).findings]


def test_the_kind_of_training_is_known_by_what_is_logged() -> None:
    assert task_of(run([1.0], {})) is Task.SUPERVISED
    assert task_of(run([1.0], {"reward": [1.0], "kl": [0.1]})) is Task.REINFORCEMENT
    assert task_of(run([1.0], {"rewards/format": [1.0]})) is Task.REINFORCEMENT
    assert task_of(run([1.0], {"rewards/margins": [1.0], "rewards/chosen": [1.0]})) is Task.PREFERENCE
    assert main_curve(run([1.0], {"kl": [1.0], "rewards/format": [1.0]})) == "rewards/format"


def test_grpos_loss_is_no_loss() -> None:
    # It begins at exactly 0 and rises with the KL term.
    kl = np.linspace(0, 0.2, 100) ** 2
    curves = run(0.04 * kl, {"reward": noisy(0.1, 0.9), "kl": kl})
    verdict = diagnose(curves)
    assert (verdict.kind, verdict.findings) == (VerdictKind.HEALTHY, ())
    assert verdict.sentence.startswith("A run of reinforcement learning: reward 0.1")


def test_five_entries_of_a_run_are_too_few() -> None:
    assert diagnose(run([0.0] * 5, {"reward": [0.0] * 5})).kind is VerdictKind.TOO_EARLY


def test_rewards_that_are_all_the_same_teach_nothing() -> None:
    verdict = diagnose(run([0.0] * 50, {"reward": [0.0] * 50}))
    assert (verdict.kind, verdict.severity) == (VerdictKind.REWARD_FLAT, Severity.WARNING)


def test_a_reward_without_a_trend_is_a_remark() -> None:
    values = 0.5 - np.linspace(0, 0.02, 100) + RNG.normal(0, 0.05, 100)
    verdict = diagnose(run([0.1] * 100, {"reward": values}))
    assert (verdict.kind, verdict.severity) == (VerdictKind.REWARD_FLAT, Severity.INFO)


@pytest.mark.parametrize(
    ("name", "values", "found"),
    [
        ("kl", [*[0.05] * 60, *[40.0] * 10], "kl-runaway"),
        ("kl", [*[3.0] * 60, *[4.0] * 10], None),
        ("entropy", [*[1.2] * 40, *[0.01] * 20], "entropy-collapse"),
        ("entropy", [*[1.2] * 40, *[0.3] * 20], None),
        ("completions/clipped_ratio", [0.95] * 40, "length-limit"),
        ("completions/clipped_ratio", [0.4] * 40, None),
        ("completion_length", [200.0] * 40, "length-limit"),
        ("completion_length", [200.0, 180.0] * 20, None),
    ],
)
def test_its_own_findings(name: str, values: list[float], found: str | None) -> None:
    assert ids(run([0.1] * 80, {"reward": noisy(0.1, 0.9, 80), name: values})) == ([found] if found else [])


def test_pairs_that_are_told_apart_are_converged_and_no_nan() -> None:
    curves = run(
        [1.15, 2.1, 0.3, *[0.0] * 20],
        {"rewards/accuracies": [0.5, 0.5, *[1.0] * 21], "rewards/margins": noisy(0, 39, 23)},
    )
    verdict = diagnose(curves)
    assert (verdict.kind, verdict.severity) == (VerdictKind.CONVERGED, Severity.INFO)
    unknown = replace(curves, train=TrainCurve.of(loss=curves.train.loss))
    assert diagnose(unknown).kind is VerdictKind.CONVERGED


def test_chosen_answers_that_get_less_likely_are_a_remark() -> None:
    metrics = {"rewards/margins": noisy(0, 9), "rewards/chosen": noisy(0, -6)}
    assert ids(run(noisy(0.7, 0.2), metrics)) == ["chosen-falling"]


def test_a_loss_that_is_no_number_is_one_here_too() -> None:
    curves = run([0.1, float("nan"), float("nan")], {"reward": [0.1, 0.2, 0.3]})
    assert diagnose(curves).kind is VerdictKind.NON_FINITE
