"""A run that goes on from a checkpoint makes the steps an uninterrupted one makes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from runner.commands import resume
from runner.data.errors import TrainingError
from runner.preset.files import load_frozen
from runner.store.checkpoints import checkpoints, newest
from runner.store.directory import RunDirectory
from runner.store.errors import LaunchError
from runner.store.events import EventLog
from runner.store.history import History, read_history
from runner.train.__main__ import train
from runner.train.stop_flag import StopFlag
from tests.train.conftest import Trained
from tests.train.small_runs import run_of

pytestmark = pytest.mark.xdist_group("resume")

SAVED_EVERY_STEP = ("output.save_steps=1", "output.save_total_limit=100", "eval.sample_max_new_tokens=0")
# One epoch and a half.
SHORT = (
    "train.max_steps=6",
    "eval.answer_rows=0",
    "data.max_train_samples=64",
    "eval.max_eval_samples=16",
    *SAVED_EVERY_STEP,
)


def interrupted(run: RunDirectory, step: int, folder: Path) -> RunDirectory:
    """A copy of a finished run as it would be had it died after a step."""
    copy = RunDirectory(folder / run.id)
    shutil.copytree(run.path, copy.path)
    for one in checkpoints(copy):
        if one.step > step:
            shutil.rmtree(one.path)
    return copy


def gone_on(run: RunDirectory, step: int) -> History:
    """The run after going on from this checkpoint, in this process."""
    log = EventLog(run)
    train(
        load_frozen(run.preset),
        run,
        log,
        StopFlag(run, log),
        checkpoint=run.checkpoints / f"checkpoint-{step}",
    )
    log.close()
    return read_history(run)


@pytest.mark.parametrize(
    "changes",
    [
        (),
        ("eval.eval_steps=2", "eval.answer_rows=4"),
        ("train.packing=true", "train.max_length=256", "train.per_device_train_batch_size=1"),
        ("lora.lora_dropout=0.1", "train.train_sampling_strategy=group_by_length"),
    ],
    ids=["plain", "evaluations", "packing", "dropout"],
)
@pytest.mark.slow
def test_it_goes_on_exactly(trained: Trained, tmp_path: Path, changes: tuple[str, ...]) -> None:
    run = trained(*SHORT, *changes)
    whole = read_history(run).train
    for step in (2, 5):
        again = gone_on(interrupted(run, step, tmp_path / str(step)), step)
        assert list(again.train.step) == list(whole.step)
        np.testing.assert_allclose(again.train.loss, whole.loss, atol=1e-6)
        np.testing.assert_allclose(again.train.lr, whole.lr, rtol=1e-9)
        assert again.resumed_at == [step]
        assert not again.bad_events


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A whole run, for tests that copy it."""
    return run_of(tmp_path_factory.mktemp("short"), *SHORT)


@pytest.mark.slow
def test_what_changed_is_refused_by_name(short: RunDirectory, tmp_path: Path) -> None:
    run = interrupted(short, 3, tmp_path)
    text = run.preset.read_text(encoding="utf-8")
    for old, new, words in (
        ("gradient_accumulation_steps: 4", "gradient_accumulation_steps: 2", "the effective batch"),
        ("max_steps: 6", "max_steps: 12", "the number of steps"),
        ("max_train_samples: 64", "max_train_samples: 60", "training rows"),
    ):
        assert old in text
        run.preset.write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(TrainingError, match=words):
            gone_on(run, 3)


@pytest.mark.slow
def test_a_torn_checkpoint_is_passed_over(short: RunDirectory, tmp_path: Path) -> None:
    run = interrupted(short, 4, tmp_path)
    (run.checkpoints / "checkpoint-4" / "optimizer.pt").unlink()
    found = newest(run)
    assert found is not None
    assert found.step == 3
    (run.checkpoints / "checkpoint-3" / "trainer_state.json").write_text('{"global_st')
    before = resume.to_resume_from(run).checkpoint
    assert before is not None
    assert before.step == 2
    with pytest.raises(LaunchError, match=r"optimizer\.pt"):
        resume.to_resume_from(run, 4)
    with pytest.raises(LaunchError, match="no checkpoint of step 77"):
        resume.to_resume_from(run, 77)
    for one in checkpoints(run):
        shutil.rmtree(one.path)
    with pytest.raises(LaunchError, match="no whole checkpoint"):
        resume.to_resume_from(run)
