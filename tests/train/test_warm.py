"""A warm start of the real trainer: the numbers are those of a cold one, to the last digit."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.preset import files
from runner.store import life, summary
from runner.store.directory import RunDirectory
from runner.supervision import launch
from runner.supervision.warm import WarmStart
from runner.train import spare
from tests.conftest import ROOT, kill_below, wait_for
from tests.spares import imported, ready, starts, threads, was_warm
from tests.train.small_runs import events

SHORT = ("train.max_steps=6", "data.max_train_samples=64", "eval.max_eval_samples=8", "eval.eval_steps=2")
STUB = """
int cuDeviceGetCount(int *count) { return %d; }
"""


@pytest.fixture
def warm(home: Path, warm: WarmStart, monkeypatch: pytest.MonkeyPatch) -> Iterator[WarmStart]:
    """Warm starts of the real trainer."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    made = WarmStart(home)
    yield made
    made.close()
    kill_below(home)


def trained(home: Path, warm: WarmStart | None = None) -> RunDirectory:
    """A short run of the demo, finished."""
    run = launch.launch(files.load("demo", home, SHORT), home, "cpu", warm=warm).run
    wait_for(lambda: not life.is_alive(run), 200, "the run ends")
    assert summary.read_state(run)["phase"] == "finished", run.console.read_text()[-3000:]
    return run


@pytest.mark.slow
def test_the_numbers_are_those_of_a_cold_start(home: Path, warm: WarmStart) -> None:
    pids = ready(warm)
    imported(pids.trainer)
    # Those that train later are not the slow ones; pyarrow's gives memory back.
    assert {name for nice, name in threads(pids.trainer) if nice > 0} <= {"jemalloc_bg_thd"}
    one, other = trained(home, warm), trained(home)
    assert was_warm(one)
    assert not starts(other)
    for kind, keys in {
        "step": ("step", "epoch", "loss", "lr", "grad_norm", "tokens"),
        "eval": ("set", "step", "loss", "n"),
        "answers": ("step", "right", "rows"),
        "sample": ("step", "text"),
    }.items():
        found, wanted = (
            [[event.get(key) for key in keys] for event in events(run, kind)] for run in (one, other)
        )
        assert found == wanted, kind
        assert found
    weights = [run.adapter / "adapter_model.safetensors" for run in (one, other)]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert [len(events(run, "effective")) for run in (one, other)] == [1, 1]
    # Also what was printed before there was a run.
    printed = {line for line in other.console.read_text().splitlines() if "Failed to load" in line}
    assert printed <= set(one.console.read_text().splitlines())


def test_what_is_imported_for_any_card_asks_for_none() -> None:
    code = f"""
import importlib, sys
for name in {spare.BLIND!r}:
    importlib.import_module(name)
import torch
assert not torch.cuda.is_initialized()
print(*{{"bitsandbytes", "peft", "trl"}} & sys.modules.keys())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(("answer", "is_initialised"), [(3, False), (0, True), (100, True)])
def test_an_initialised_driver_is_known(tmp_path: Path, answer: int, is_initialised: bool) -> None:
    source = tmp_path / "stub.c"
    source.write_text(STUB % answer)
    subprocess.run(["cc", "-shared", "-o", tmp_path / "libcuda.so.1", source], check=True)
    done = subprocess.run(
        [sys.executable, "-c", "from runner.train import spare; print(spare.driver_is_initialised())"],
        env={**os.environ, "LD_LIBRARY_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(is_initialised)


def test_without_a_driver_none_is_initialised() -> None:
    assert not spare.driver_is_initialised()


def test_a_trainer_that_touched_the_driver_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spare, "driver_is_initialised", lambda: True)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-1")
    spare.ensure_untouched({"CUDA_VISIBLE_DEVICES": "GPU-1"})
    with pytest.raises(RuntimeError, match="driver"):
        spare.ensure_untouched({"CUDA_VISIBLE_DEVICES": "GPU-2"})
