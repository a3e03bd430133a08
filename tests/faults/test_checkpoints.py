"""Checkpoints that are torn, empty or links: never gone on from; the one before is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from runner.store.checkpoints import checkpoints, newest
from runner.store.directory import RunDirectory
from runner.store.events import Phase
from tests.faults.scene import (
    Scene,
    cannot_go_on,
    finished_checkpoints,
    ftui,
    goes_on,
    kept,
    nothing_lost,
    shown,
)

NEEDED = ("adapter_model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json")


@pytest.fixture
def dead(scene: Scene, remains: dict[str, RunDirectory]) -> RunDirectory:
    """A run that died in step 11, with checkpoints of steps 4 and 8."""
    run = scene.bury(remains["ending"])
    shutil.rmtree(run.checkpoints / "checkpoint-12")
    shutil.rmtree(run.adapter)
    lines = run.events.read_bytes().split(b"\n")
    cut = next(number for number, line in enumerate(lines) if b'"step":11' in line)
    run.events.write_bytes(b"\n".join(lines[:cut]) + b"\n")
    assert [one.step for one in checkpoints(run) if one.is_whole] == [4, 8]
    found = shown(run)
    assert (found.phase, found.step) == (Phase.LOST, 10)
    return run


@pytest.mark.parametrize("name", NEEDED)
@pytest.mark.parametrize("how", ["missing", "empty", "cut short", "full of zeros"])
@pytest.mark.fault("{name} of the newest checkpoint is {how}", "it goes on from the one before")
def test_a_torn_checkpoint(dead: RunDirectory, name: str, how: str) -> None:
    steps, whole = kept(dead)
    file = dead.checkpoints / "checkpoint-8" / name
    if how == "missing":
        file.unlink()
    elif how == "full of zeros":
        file.write_bytes(b"\0" * file.stat().st_size)
    else:
        os.truncate(file, 0 if how == "empty" else file.stat().st_size - 1)
    said = ftui("resume", dead.id, "--detach", "--step", "8", code=1)
    assert "checkpoint-8 is not whole" in said
    goes_on(dead, 4)
    del whole[8]
    nothing_lost(dead, steps, whole)


@pytest.mark.fault("trainer_state.json of the newest checkpoint is torn", "it goes on from the one before")
def test_a_torn_trainer_state(dead: RunDirectory) -> None:
    steps, whole = kept(dead)
    (dead.checkpoints / "checkpoint-8" / "trainer_state.json").write_text('{"global_st')
    goes_on(dead, 4)
    del whole[8]
    nothing_lost(dead, steps, whole)


@pytest.mark.fault("the newest checkpoint is a link within the run", "it is passed over")
def test_a_link(dead: RunDirectory) -> None:
    before = kept(dead)
    (dead.checkpoints / "checkpoint-10").symlink_to("checkpoint-8")
    goes_on(dead, 8)
    nothing_lost(dead, *before)


@pytest.mark.fault(
    "the newest checkpoint is a link to elsewhere", "nothing outside the run is read or written"
)
def test_a_link_to_elsewhere(dead: RunDirectory, tmp_path: Path) -> None:
    before = kept(dead)
    outside = tmp_path / "outside"
    shutil.copytree(dead.checkpoints / "checkpoint-8", outside)
    link = dead.checkpoints / "checkpoint-10"
    link.symlink_to(outside)
    files = {path.name: path.read_bytes() for path in outside.iterdir()}
    last = newest(dead)
    assert last is not None
    assert last.step == 8
    cannot_go_on(dead, "checkpoint-10")
    link.unlink()
    goes_on(dead, 8)
    assert {path.name: path.read_bytes() for path in outside.iterdir()} == files
    nothing_lost(dead, *before)


@pytest.mark.fault("a file where the newest checkpoint should be", "it is passed over")
def test_a_file_in_its_place(dead: RunDirectory) -> None:
    before = kept(dead)
    (dead.checkpoints / "checkpoint-10").write_text("no folder")
    goes_on(dead, 8)
    nothing_lost(dead, *before)


@pytest.mark.fault("every checkpoint is torn", "refused, with what each lacks")
def test_no_whole_checkpoint(dead: RunDirectory) -> None:
    steps = kept(dead)[0]
    (dead.checkpoints / "checkpoint-4" / "optimizer.pt").unlink()
    (dead.checkpoints / "checkpoint-8" / "scheduler.pt").unlink()
    cannot_go_on(dead, "no whole checkpoint to go on from")
    cannot_go_on(dead, "checkpoint-4: optimizer.pt is missing or cut short")
    cannot_go_on(dead, "checkpoint-8: scheduler.pt is missing or cut short")
    nothing_lost(dead, steps, {})


@pytest.mark.fault("the checkpoints folder is gone", "refused in words; steps stay")
def test_no_checkpoints(dead: RunDirectory) -> None:
    steps = kept(dead)[0]
    shutil.rmtree(dead.checkpoints)
    assert not finished_checkpoints(dead)
    cannot_go_on(dead, "no whole checkpoint to go on from")
    nothing_lost(dead, steps, {})
