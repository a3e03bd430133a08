"""What can go never holds the best or the last good checkpoint, nor anything outside a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.store import directory, disk_usage, locks
from runner.store.checkpoints import Checkpoint
from runner.store.directory import RunDirectory
from runner.store.events import EventLog
from tests.checkpoint_files import whole


def checkpoint(run: RunDirectory, step: int, is_whole: bool = True) -> Path:
    path = run.checkpoints / f"checkpoint-{step}"
    path.mkdir(parents=True)
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth", "adapter_model.safetensors"):
        (path / name).write_bytes(whole(name, b"x" * 5000))
    (path / "trainer_state.json").write_text(json.dumps({"global_step": step}) if is_whole else '{"glo')
    return path


@pytest.fixture
def run(home: Path) -> RunDirectory:
    made = directory.create(home, "demo")
    log = EventLog(made)
    for step, loss in ((10, 2.0), (20, 1.0), (30, 1.5), (40, 1.6), (50, float("nan"))):
        log.append("eval", set="val", step=step, loss=loss, n=4)
        checkpoint(made, step)
    return made


def test_the_best_and_the_last_whole_one_stay(run: RunDirectory) -> None:
    assert [one.step for one in disk_usage.removable(run)] == [10, 30, 40]
    checkpoint(run, 60, is_whole=False)
    assert [one.step for one in disk_usage.removable(run)] == [10, 30, 40, 60]
    held = disk_usage.holding(run)
    assert held.freed >= 4 * 4 * 4096
    assert held.total >= held.in_checkpoints > held.freed
    for one in held.removable:
        disk_usage.remove(run, one)
    assert {path.name for path in run.checkpoints.iterdir()} == {"checkpoint-20", "checkpoint-50"}


def test_without_evaluations_only_the_last_stays(home: Path) -> None:
    run = directory.create(home, "demo")
    for step in (1, 2, 3):
        checkpoint(run, step)
    assert [one.step for one in disk_usage.removable(run)] == [1, 2]


def test_nothing_of_a_living_run_can_go(run: RunDirectory) -> None:
    lock = locks.take(run.lock)
    assert lock is not None
    assert disk_usage.holding(run).removable == ()
    locks.release(lock)


def test_nothing_outside_a_run_is_removed(run: RunDirectory, tmp_path: Path) -> None:
    outside = tmp_path / "checkpoint-7"
    outside.mkdir()
    (run.checkpoints / "checkpoint-7").symlink_to(outside)
    assert 7 not in [one.step for one in disk_usage.removable(run)]
    for path in (outside, run.checkpoints / "checkpoint-7"):
        with pytest.raises(ValueError, match="no checkpoint of"):
            disk_usage.remove(run, Checkpoint(7, path))
    assert outside.exists()
