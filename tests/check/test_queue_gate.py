"""The gate of the queue: a preset is judged for an empty card, and what would wait forever is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from runner.check.assess import Assessment
from runner.check.gate import need_mib, pass_gate
from runner.insight.memory.cards import IDLE_MIB
from runner.insight.memory.predict import Fit
from runner.preset import files
from runner.store.errors import LaunchError
from tests.check.cards import SMALL, TOTAL, Peaks, gate, gpus

pytestmark = pytest.mark.usefixtures("unseen")


def free_in(found: Assessment) -> int:
    """The free memory it was judged for."""
    assert found.prediction is not None
    return found.prediction.card.free_mib


def test_for_the_queue_a_card_is_judged_as_if_it_were_empty(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus(monkeypatch, (TOTAL, 100))
    now, later = gate(home, queued=False), gate(home)
    assert (free_in(now), free_in(later)) == (100, TOTAL - IDLE_MIB)
    assert now.prediction is not None
    assert later.prediction is not None
    assert (now.prediction.fit, later.prediction.fit) == (Fit.RUNS_OUT, Fit.FITS)


def test_a_card_that_is_emptier_than_usual_is_judged_as_it_is(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus(monkeypatch, (TOTAL, TOTAL - 3))
    assert free_in(gate(home)) == TOTAL - 3


@pytest.mark.parametrize("missing", [300, IDLE_MIB, 1])
def test_what_not_even_an_empty_card_has_is_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch, peaks: Peaks, missing: int
) -> None:
    gpus(monkeypatch, (peaks.need - missing + IDLE_MIB, 100))
    words = f"It needs {peaks.need / 1024:.1f} GiB, and NVIDIA Card 0 has .* wait forever"
    with pytest.raises(LaunchError, match=words):
        gate(home)
    with pytest.raises(LaunchError, match="wait forever"):
        gate(home, gpu="GPU-0")
    # Launched at once it is only warned of: the user may know better.
    assert free_in(gate(home, queued=False)) == 100
    assert need_mib(gate(home, gpu="cpu")) is None


def test_without_a_choice_the_largest_card_counts_whoever_uses_it_now(
    home: Path, monkeypatch: pytest.MonkeyPatch, peaks: Peaks
) -> None:
    gpus(monkeypatch, (SMALL, 700), (TOTAL, 200))
    assert free_in(gate(home)) == TOTAL - IDLE_MIB
    assert need_mib(gate(home)) == peaks.high
    assert free_in(gate(home, queued=False)) == 700
    assert free_in(gate(home, "train.seed=9", gpu="1")) == TOTAL - IDLE_MIB
    with pytest.raises(LaunchError, match=r"NVIDIA Card 0 has 0\.7"):
        gate(home, gpu="0")


def test_the_gate_of_the_queue_refuses_what_every_launch_is_refused_for(home: Path) -> None:
    with pytest.raises(LaunchError, match=r"quantization\.load_in_4bit"):
        gate(home, "lora.use_peft=false")
    with pytest.raises(LaunchError, match="There is no GPU 'H900'"):
        gate(home, gpu="H900")


# The memory to wait for


@pytest.mark.parametrize(
    ("total", "wanted"),
    [
        (lambda peaks: TOTAL, lambda peaks: peaks.high),
        (lambda peaks: peaks.high + IDLE_MIB, lambda peaks: peaks.high),
        (lambda peaks: peaks.high + IDLE_MIB - 1, lambda peaks: peaks.need),
        (lambda peaks: peaks.need + IDLE_MIB, lambda peaks: peaks.need),
    ],
    ids=["much room", "just room", "hardly", "most likely"],
)
def test_the_most_it_may_need_is_waited_for_where_there_is_so_much(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    peaks: Peaks,
    total: Callable[[Peaks], int],
    wanted: Callable[[Peaks], int],
) -> None:
    gpus(monkeypatch, (total(peaks), 100))
    assert need_mib(gate(home)) == wanted(peaks)


def test_a_larger_batch_needs_more(home: Path, peaks: Peaks) -> None:
    assert (need_mib(gate(home, "train.per_device_train_batch_size=64")) or 0) > peaks.high


def test_the_need_is_unknown_on_the_cpu_and_for_a_model_that_is_not_here(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus(monkeypatch)
    assert need_mib(gate(home)) is None
    gpus(monkeypatch, (TOTAL, TOTAL))
    assert need_mib(gate(home, gpu="cpu")) is None
    rows = files.load("demo", home).preset.data.train_dataset
    loaded = files.load(
        "qlora-8b-24gb", home, [f"data.train_dataset={rows}", "model.model_name_or_path=org/other"]
    )
    found = pass_gate(loaded, home, None, queued=True)
    assert found.memory_problem == "org/other is not on this machine yet"
    assert need_mib(found) is None
