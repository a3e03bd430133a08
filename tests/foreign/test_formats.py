"""The same made-up run, written as each trainer would, is the same run and gives the same findings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runner.foreign.opening import read_path
from runner.insight.diagnosis import diagnose
from runner.insight.train_curve import Column
from tests.foreign.written import WITH_EPOCHS, WRITERS, Made, not_finite, overfit, trainer_state

Read = tuple[list[tuple[str, str, int]], Column, Column]


def read(path: Path, kind: str) -> Read:
    """Findings, train steps and losses, evaluations' steps and losses."""
    trace, history = read_path(path)
    assert trace.kind == kind
    assert (trace.bad_lines, history.bad_events, history.resumed_at) == (0, 0, [])
    curves = history.curves()
    found = [(f.id, f.severity.name, f.since_step) for f in diagnose(curves).findings]
    points = np.array([(p.step, p.loss) for p in curves.val]).T
    return found, np.array([curves.train.step, curves.train.loss]), points


def truth(made: Made, kind: str, folder: Path) -> Read:
    (folder / "truth").mkdir()
    (folder / "other").mkdir()
    return read(trainer_state(made, folder / "truth", kind in WITH_EPOCHS), "Trainer state")


@pytest.mark.parametrize("kind", [kind for kind in WRITERS if kind != "progress bars"])
def test_a_run_that_overfits(tmp_path: Path, kind: str) -> None:
    right, steps, points = truth(overfit(), kind, tmp_path)
    assert right[0][0] in ("overfitting", "held-out-rising")
    found, its_steps, its_points = read(WRITERS[kind](overfit(), tmp_path / "other"), kind)
    np.testing.assert_allclose(its_points, points, atol=1e-5)
    if kind == "results table":
        # It has a row an evaluation, and no others.
        assert found[0] == right[0]
        return
    np.testing.assert_allclose(its_steps, steps, atol=1e-5)
    if kind == "nanoGPT log":
        # Its probe of the training data makes a judgement surer.
        assert found[0] == ("overfitting", "CRITICAL", right[0][2])
    else:
        assert found == right


@pytest.mark.parametrize("kind", WRITERS)
def test_a_run_that_is_not_finite(tmp_path: Path, kind: str) -> None:
    right, steps, _ = truth(not_finite(), kind, tmp_path)
    assert right[0] == ("non-finite", "ERROR", 210)
    found, its_steps, points = read(WRITERS[kind](not_finite(), tmp_path / "other"), kind)
    assert points.size == 0
    assert found[0] == right[0]
    np.testing.assert_allclose(its_steps, steps, atol=1e-5)


def test_a_stock_trainer_hides_what_is_not_finite_and_no_other(tmp_path: Path) -> None:
    hidden = {}
    for kind, write in WRITERS.items():
        (tmp_path / kind).mkdir()
        made = not_finite() if kind == "progress bars" else overfit()
        hidden[kind] = read_path(write(made, tmp_path / kind))[1].curves().nan_hidden
    assert {kind for kind, is_hidden in hidden.items() if is_hidden} == {
        "Trainer state",
        "console log",
        "results table",
        "ms-swift log",
        "trackio",
    }
