"""The same run gives the same findings, whatever it was read from."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from runner.foreign import console, llama_factory, tensorboard, trainer_state, wandb
from runner.foreign.trace import Trace
from tests.foreign.conftest import RECORDED, curves_of, found_in

pytestmark = [pytest.mark.xdist_group("tiny"), pytest.mark.slow]

Open = Callable[[Path], Trace | None]


def printed(folder: Path) -> Trace | None:
    return console.find(folder / "train.log")


READERS: dict[str, Open] = {
    "Trainer state": trainer_state.find,
    "TensorBoard": tensorboard.find,
    "LLaMA-Factory log": llama_factory.find,
    "console log": printed,
}


def opened(kind: str, folder: Path) -> Trace:
    trace = READERS[kind](folder)
    assert trace is not None
    assert trace.kind == kind
    return trace


@pytest.mark.parametrize("kind", READERS)
def test_an_overfitting_run(tiny: Path, kind: str) -> None:
    found = found_in(opened(kind, tiny / "overfit"))
    assert found == found_in(opened("Trainer state", tiny / "overfit"))
    assert found[0][:2] == ("overfitting", "CRITICAL")


@pytest.mark.parametrize("kind", READERS)
def test_a_run_that_became_non_finite_and_shows_it_as_zero(tiny: Path, kind: str) -> None:
    found = found_in(opened(kind, tiny / "diverged"))
    assert found == found_in(opened("Trainer state", tiny / "diverged"))
    assert found[0][:2] == ("non-finite", "ERROR")
    # Step 90 is the last whose weights were whole; its evaluation comes after.
    assert found[0][2] in (90, 91)


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("run", ["overfit", "diverged"])
def test_the_same_numbers(tiny: Path, run: str, kind: str) -> None:
    """As far as a format has them; what is printed has four digits."""
    truth = curves_of(opened("Trainer state", tiny / run))
    trace = opened(kind, tiny / run)
    curves = curves_of(trace)
    assert list(curves.train.step) == list(truth.train.step)
    for name in ("loss", "lr", "epoch"):
        np.testing.assert_allclose(getattr(curves.train, name), getattr(truth.train, name), rtol=6e-4)
    if kind != "LLaMA-Factory log":
        np.testing.assert_allclose(curves.train.grad_norm, truth.train.grad_norm, rtol=6e-4)
        assert [point.n for point in curves.val] == [32] * len(truth.val)
    assert [point.step for point in curves.val] == [point.step for point in truth.val]
    np.testing.assert_allclose(
        [point.loss for point in curves.val], [point.loss for point in truth.val], rtol=6e-4
    )
    assert curves.steps_per_epoch == truth.steps_per_epoch == 6
    assert curves.checkpoints == truth.checkpoints == (36, 72, 108, 144, 180)
    assert curves.nan_hidden
    assert trace.bad_lines == 0
    # Without a progress bar nothing that is printed says how many steps there were to be.
    is_silent = kind == "console log" and run == "diverged"
    assert curves.total_steps == (None if is_silent else 180)
    assert curves.is_over


def test_wandb_says_the_same_as_the_state_of_the_same_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both were recorded from one real run (record_wandb.py)."""
    stub = tmp_path / "bin" / "wandb"
    stub.parent.mkdir()
    stub.write_text(f"#!/bin/sh\nexec cat {RECORDED / 'inspect.jsonl'}\n")
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", f"{stub.parent}:/usr/bin:/bin")
    run = tmp_path / "run-abc.wandb"
    run.write_bytes(b":W&B")
    shutil.copy(RECORDED / "trainer_state.json", tmp_path)
    trace = wandb.find(run)
    assert trace is not None
    trace.follow = False
    found = found_in(trace)
    trace.close()
    state = trainer_state.find(tmp_path)
    assert state is not None
    assert found == found_in(state)
    assert found[0][:2] == ("overfitting", "CRITICAL")
    assert sys.modules.keys().isdisjoint({"wandb"})
