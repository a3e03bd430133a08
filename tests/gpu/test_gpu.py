"""What only a GPU can show; run by `make gpu-check`."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from runner import gpu
from runner.preset import files
from runner.run import directory, launch, summary
from runner.run.history import History, read_history

pytestmark = pytest.mark.gpu


def run_demo(home: Path, *overrides: str) -> History:
    """The demo on the GPU, to its end."""
    import time

    os.environ["FTUI_HOME"] = str(home)
    run = launch.launch(files.load("demo", home, overrides), home).run
    while summary.is_alive(run):
        time.sleep(0.2)
    assert directory.list_runs(home)
    return read_history(run)


def test_the_demo_learns_on_the_gpu_in_bf16(tmp_path: Path) -> None:
    history = run_demo(tmp_path)
    assert history.end["status"] == "finished", history.error
    assert history.plan["device"] != "CPU"
    val = history.evals["val"]
    assert val[-1].loss < 0.3 * val[0].loss
    assert history.memory["peak_allocated_mib"] > 0


def test_fp16_trains_without_the_scaler_refusing(tmp_path: Path) -> None:
    history = run_demo(tmp_path, "model.dtype=float16", "train.max_steps=10")
    assert history.end["status"] == "finished", history.error
    assert all(math.isfinite(loss) for loss in history.train.loss)


def test_nvml_reads_memory_without_a_context_of_its_own() -> None:
    reading = gpu.read(processes=True)
    assert reading.driver
    for sample in reading.samples:
        assert not sample.problem
        assert sample.used_mib is not None
        assert sample.gpu.compute_capability is not None
