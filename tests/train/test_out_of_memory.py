"""Memory that runs out: the run goes on with the same effective batch, and says so."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner.gpu import Gpu, GpuProcess, GpuReading, GpuSample
from runner.preset import files
from runner.store import life, summary
from runner.store.directory import RunDirectory
from runner.store.history import History, read_history
from runner.supervision.launch import launch
from runner.train.explain import ErrorExplanation, while_loading
from tests.conftest import ROOT, kill_below, wait_for

SHORT = ("train.max_steps=6", "data.max_train_samples=64", "eval.max_eval_samples=8", "eval.eval_steps=2")
QUIET = ("output.save_steps=2", "eval.sample_max_new_tokens=0", "eval.train_probe=false")

Starved = Callable[..., RunDirectory]


@pytest.fixture
def starved(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Starved]:
    """Run the demo on an allocator that fails as wished, to its end."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    started: list[RunDirectory] = []

    def start(wish: str, *overrides: str) -> RunDirectory:
        monkeypatch.setenv("FTUI_OOM", wish)
        loaded = files.load("demo", home, (*SHORT, *QUIET, *overrides))
        run = launch(loaded, home, "cpu", trainer="tests.train.oom_trainer").run
        started.append(run)
        wait_for(lambda: not life.is_alive(run), 180, "the run ends")
        return run

    yield start
    for run in started:
        kill_below(run.path)


def ended(run: RunDirectory) -> History:
    history = read_history(run)
    assert history.end.get("status") == "finished", run.console.read_text(encoding="utf-8")[-3000:]
    assert list(history.train.step) == [1, 2, 3, 4, 5, 6]
    assert summary.read_state(run)["phase"] == "finished"
    return history


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wish", "plans", "sizes"),
    [
        ("step:2", ["4 × 4 = 16 → 2 × 8 = 16", "2 × 8 = 16 → 1 × 16 = 16"], (1, 16)),
        ("above:1", ["4 × 4 = 16 → 2 × 8 = 16", "2 × 8 = 16 → 1 × 16 = 16"], (1, 16)),
        ("evaluation:1", ["evaluation batch 4 → 2"], (4, 4)),
        ("checkpoint:1", ["4 × 4 = 16 → 2 × 8 = 16"], (2, 8)),
    ],
)
def test_it_goes_on_with_the_same_effective_batch(
    starved: Starved, wish: str, plans: list[str], sizes: tuple[int, int]
) -> None:
    history = ended(starved(wish))
    assert [event["plan"] for event in history.replans] == plans
    plan = history.plan
    assert (plan["per_device_train_batch_size"], plan["gradient_accumulation_steps"]) == sizes


@pytest.mark.slow
def test_a_preset_can_forbid_it(starved: Starved) -> None:
    history = read_history(starved("step:1", "train.on_out_of_memory=fail"))
    assert history.end["status"] == "failed"
    assert "2.00 GiB more were wanted, 310.00 MiB of 23.64 GiB were free" in history.end["reason"]
    assert "the same batch" in history.error["hint"]
    assert not history.replans


@pytest.mark.slow
def test_a_batch_of_one_row_cannot_be_made_smaller(starved: Starved) -> None:
    history = read_history(starved("above:0"))
    assert history.end["status"] == "failed"
    assert len(history.replans) == 2


@pytest.mark.slow
def test_while_the_model_loads_no_smaller_batch_is_tried(starved: Starved) -> None:
    history = read_history(starved("load:1"))
    assert history.end["status"] == "failed"
    assert not history.replans
    assert "a smaller batch would not help" in history.error["message"]
    assert "4-bit weights" in history.error["hint"]


def test_who_holds_the_cards_memory_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    card = Gpu(0, "GPU-1", "RTX 4090", 24576, (8, 9))
    others = (GpuProcess(os.getpid(), 100), GpuProcess(4711, 10240), GpuProcess(4712, None))
    reading = GpuReading((GpuSample(card, 24000, 500, 97, 66, 390.0, processes=others),), "580.1")
    monkeypatch.setattr("runner.gpu.read", lambda processes=False: reading)
    words = while_loading(
        ErrorExplanation("OutOfMemoryError", "The GPU ran out of memory.", "Halve it."), "GPU-1"
    )
    assert "process 4711 (10.0 GiB), process 4712" in words.hint
    assert str(os.getpid()) not in words.hint
    assert "Others hold" not in while_loading(words, "GPU-2").hint
