"""A checkpoint is condemned for what its files hold, and for nothing else; older ones are rotated among the whole."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from runner.commands.resume import to_resume_from
from runner.data.errors import TrainingError
from runner.store import checkpoints, manifest
from runner.store.directory import RunDirectory, write_json
from runner.train import soundness


def saved(run: RunDirectory, step: int) -> Path:
    """A whole checkpoint, as transformers and ftui write one."""
    folder = run.checkpoints / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    save_file({"a.lora_A.weight": torch.ones(4)}, folder / "adapter_model.safetensors", {"format": "pt"})
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth"):
        torch.save({"step": step}, folder / name)
    (folder / "trainer_state.json").write_text(json.dumps({"global_step": step}))
    # Rotation goes by the time of writing.
    os.utime(folder / "trainer_state.json", (step, step))
    manifest.write(folder)
    return folder


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    made = RunDirectory(tmp_path / "20261201-120000-demo-0001")
    made.path.mkdir(mode=0o700)
    made.events.write_text('{"type":"header","schema":1}\n')
    write_json(made.run, {"trainer": "runner.train"})
    return made


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: an illegal memory access was encountered"),
        ImportError("cannot import name 'LoraConfig'"),
        TypeError("LoraConfig.__init__() got an unexpected keyword argument 'alora'"),
        RuntimeError("Error(s) in loading state_dict for PeftModel: size mismatch"),
        OSError(5, "Input/output error"),
        MemoryError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_is_no_fault_of_the_files_condemns_nothing(run: RunDirectory, error: Exception) -> None:
    folder = saved(run, 10)
    with pytest.raises(type(error)), soundness.loading(folder):
        raise error
    assert checkpoints.newest(run) == checkpoints.Checkpoint(10, folder)


@pytest.mark.parametrize("name", ["optimizer.pt", "rng_state.pth", "adapter_model.safetensors"])
def test_a_file_that_does_not_load_does(run: RunDirectory, name: str) -> None:
    saved(run, 10)
    folder = saved(run, 20)
    (folder / name).write_bytes(b"nothing that loads")
    with pytest.raises(TrainingError, match="checkpoint-20 cannot be loaded"), soundness.loading(folder):
        raise RuntimeError("whatever the reader says")
    found = checkpoints.newest(run)
    assert found is not None
    assert found.step == 10


def test_a_condemned_one_is_tried_again_when_it_is_asked_for(run: RunDirectory) -> None:
    saved(run, 10)
    checkpoints.condemn(saved(run, 20), "it could not be loaded: no kernel image")
    assert to_resume_from(run).checkpoint == checkpoints.newest(run)
    asked = to_resume_from(run, 20).checkpoint
    assert asked is not None
    assert (asked.step, asked.condemned) == (20, "it could not be loaded: no kernel image")


def test_those_that_are_not_whole_push_none_out(run: RunDirectory) -> None:
    for step in (10, 20, 30):
        saved(run, step)
    checkpoints.condemn(saved(run, 40), "it could not be loaded")
    (saved(run, 50) / "optimizer.pt").unlink()
    checkpoints.rotate(run, 2, best_step=None)
    assert [one.step for one in checkpoints.checkpoints(run)] == [20, 30, 40, 50]


@pytest.mark.parametrize(
    ("limit", "best", "left"), [(1, 10, [10, 30]), (2, None, [20, 30]), (5, 20, [10, 20, 30])]
)
def test_the_newest_and_the_best_stay(
    run: RunDirectory, limit: int, best: int | None, left: list[int]
) -> None:
    for step in (10, 20, 30):
        saved(run, step)
    checkpoints.rotate(run, limit, best)
    assert [one.step for one in checkpoints.checkpoints(run)] == left


def test_weights_are_finite_or_not() -> None:
    model = torch.nn.Linear(3, 3)
    assert soundness.is_finite(model)
    model.bias.data[1] = float("inf")
    assert not soundness.is_finite(model)
    model.bias.requires_grad_(False)
    assert soundness.is_finite(model)
