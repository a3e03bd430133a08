"""Whole means unharmed: bytes that changed since they were written, weights that are no numbers, what does not load."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from runner.preset import files
from runner.store import manifest
from runner.store.checkpoints import checkpoints, newest, newest_unharmed
from runner.store.directory import RunDirectory
from runner.store.events import Phase
from runner.store.history import read_history
from runner.supervision import launch
from tests.checkpoint_files import whole
from tests.faults.scene import Scene, cannot_go_on, finished, ftui, kept, nothing_lost, over, shown
from tests.faults.test_real_trainer import QUIET, SECONDS, SMALL, STEPS
from tests.faults.trainer import FILES, TOTAL

WEIGHTS = "adapter_model.safetensors"


@pytest.fixture
def ended(scene: Scene, remains: dict[str, RunDirectory]) -> RunDirectory:
    """A run that died after its checkpoint of step 8, the second one."""
    run = scene.bury(remains["ending"])
    shutil.rmtree(run.checkpoints / f"checkpoint-{TOTAL}")
    lines = run.events.read_bytes().splitlines(keepends=True)
    last = next(n for n, line in enumerate(lines) if b'"type":"checkpoint"' in line and b'"step":8,' in line)
    run.events.write_bytes(b"".join(lines[: last + 1]))
    run.state.unlink()
    return run


def flip(path: Path) -> None:
    """Change one bit in the middle of a file, and nothing else."""
    data, times = bytearray(path.read_bytes()), path.stat()
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.fault(
    "one bit of {name} of the newest checkpoint changed",
    "passed over, and why; it goes on from the one before",
)
def test_one_bit(ended: RunDirectory, name: str) -> None:
    before = kept(ended)
    last = ended.checkpoints / "checkpoint-8"
    if name == "trainer_state.json":
        (last / name).write_text(json.dumps({"global_step": 8, "x": 1}))
    else:
        flip(last / name)
    said = ftui("resume", ended.id, "--detach")
    assert "goes on from checkpoint-4" in said
    assert f"checkpoint-8 is passed over: {name} is not what was saved" in said
    over(ended)
    finished(ended)
    nothing_lost(ended, before[0], {step: one for step, one in before[1].items() if step < 8})
    assert newest_unharmed(ended)[0] == newest(ended)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


def of_another(path: Path) -> None:
    shutil.copy(path.parent.with_name("checkpoint-4") / path.name, path)


def with_paths(path: Path) -> None:
    path.write_text(json.dumps({"files": {"../../../run.json": {"bytes": 1, "digest": ""}}}))


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("how", [empty, torn, of_another, with_paths, pipe], ids=lambda one: one.__name__)
@pytest.mark.fault(
    "the manifest of the newest checkpoint is {how.__name__}", "passed over; it goes on from the one before"
)
def test_a_manifest(ended: RunDirectory, how: Callable[[Path], None]) -> None:
    how(ended.checkpoints / "checkpoint-8" / manifest.NAME)
    goes_on_from_the_one_before(ended)


def goes_on_from_the_one_before(run: RunDirectory) -> None:
    said = ftui("resume", run.id, "--detach")
    assert "goes on from checkpoint-4" in said
    assert "is passed over" in said
    finished(run)


@pytest.mark.parametrize("name", ["optimizer.pt", "scheduler.pt", "rng_state.pth"])
@pytest.mark.fault(
    "one bit of {name} changed in a checkpoint of an older ftui, without a manifest",
    "its own checksums tell; it goes on from the one before",
)
def test_one_bit_without_a_manifest(ended: RunDirectory, name: str) -> None:
    for one in checkpoints(ended):
        (one.path / manifest.NAME).unlink()
    flip(ended.checkpoints / "checkpoint-8" / name)
    goes_on_from_the_one_before(ended)


@pytest.mark.fault("every checkpoint is spoiled", "refused, with what is wrong in each")
def test_all_of_them(ended: RunDirectory) -> None:
    for one in checkpoints(ended):
        flip(one.path / WEIGHTS)
    cannot_go_on(ended, f"checkpoint-8: {WEIGHTS} is not what was saved")
    cannot_go_on(ended, f"checkpoint-4: {WEIGHTS} is not what was saved")
    assert "is not whole" in ftui("resume", ended.id, "--step", "8", "--detach", code=1)


# With the trainer that trains


def poisoned_at(home: Path, *overrides: str) -> RunDirectory:
    """A real run whose weights became NaN after step 5."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("FTUI_HOME", str(home))
        patched.setenv("FTUI_NAN_AT", "5")
        loaded = files.load("demo", home, (*SMALL, *QUIET, *overrides))
        run = launch.launch(loaded, home, "cpu", trainer="tests.faults.nan_trainer").run
        over(run, SECONDS)
    return run


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return poisoned_at(tmp_path_factory.mktemp("poisoned"), "output.load_best_model_at_end=false")


@pytest.mark.slow
@pytest.mark.fault(
    "the weights of the real trainer become NaN, and the best ones are kept",
    "those are the adapter; it is said",
)
def test_the_best_weights_stay(scene: Scene) -> None:
    run = poisoned_at(scene.home)
    assert [one.step for one in checkpoints(run) if one.is_whole] == [2, 4]
    assert "non-finite" in {warning["id"] for warning in read_history(run).warnings}
    assert all(np.isfinite(values).all() for values in load_file(run.adapter / WEIGHTS).values())


@pytest.mark.slow
@pytest.mark.fault(
    "the weights of the real trainer become NaN",
    "nothing of them is saved, over nothing; said; good checkpoints stay",
)
def test_weights_that_are_no_numbers(poisoned: RunDirectory) -> None:
    assert [one.step for one in checkpoints(poisoned) if one.is_whole] == [2, 4]
    assert not poisoned.adapter.exists()
    history = read_history(poisoned)
    assert "non-finite" in {warning["id"] for warning in history.warnings}
    assert history.phase is Phase.FAILED
    assert "NaN" in shown(poisoned).reason
    assert newest_unharmed(poisoned)[1] == []


def nan_weights(checkpoint: Path) -> None:
    """Of the right length, and as an older ftui saved them: without a manifest."""
    (checkpoint / manifest.NAME).unlink()
    weights = load_file(checkpoint / WEIGHTS)
    name = sorted(weights)[0]
    save_file({**weights, name: np.full_like(weights[name], np.nan)}, checkpoint / WEIGHTS, {"format": "pt"})


def no_pickle(checkpoint: Path) -> None:
    """Whole by every checksum, and nothing that torch can load."""
    (checkpoint / "optimizer.pt").write_bytes(whole("optimizer.pt", b"no pickle"))
    manifest.write(checkpoint)


@pytest.mark.slow
@pytest.mark.parametrize("how", [nan_weights, no_pickle], ids=lambda one: one.__name__)
@pytest.mark.fault(
    "the newest checkpoint of the real trainer has {how.__name__}",
    "it is not loaded, and not tried again: the next resume takes the one before",
)
def test_what_does_not_load(scene: Scene, poisoned: RunDirectory, how: Callable[[Path], None]) -> None:
    run = scene.bury(poisoned)
    how(run.checkpoints / "checkpoint-4")
    assert "goes on from checkpoint-4" in ftui("resume", run.id, "--detach")
    over(run, SECONDS)
    found = shown(run)
    assert found.phase is Phase.FAILED
    assert "checkpoint-4 cannot be loaded" in found.reason
    assert not run.adapter.exists()
    assert "goes on from checkpoint-2" in ftui("resume", run.id, "--detach")
    over(run, SECONDS)
    finished(run, STEPS)
    assert all(np.isfinite(values).all() for values in load_file(run.adapter / WEIGHTS).values())
