"""What is judged before it waits: every run of a sweep, and each again when it is changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runner.check.assess import Assessment
from runner.commands import queued
from runner.commands.enqueue import assess_all, enqueue_all
from runner.commands.queued import change
from runner.gpu import CPU
from runner.preset import files
from runner.preset.errors import PresetError
from runner.queue import tickets
from runner.queue.tickets import QueueError
from runner.store.directory import RunDirectory, list_runs, read_json
from runner.store.errors import LaunchError
from tests.check.cards import SMALL, TOTAL, Peaks, gpus

pytestmark = pytest.mark.usefixtures("unseen")


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[RunDirectory]]:
    """The runs a process would wait for."""
    runs: list[RunDirectory] = []
    monkeypatch.setattr("runner.commands.enqueue.start_supervisor", runs.append)
    monkeypatch.setattr("runner.commands.queued.start_supervisor", runs.append)
    yield runs


# Judging what is to wait


def test_every_run_of_a_sweep_is_judged_and_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(monkeypatch, (TOTAL, 100))
    found = assess_all(
        "demo", home, ["train.seed=7"], ["train.per_device_train_batch_size=1,64", "lora.r=8,16"]
    )
    assert [one.label for one in found] == ["-1-8", "-1-16", "-64-8", "-64-16"]
    assert {one.loaded.preset.train.seed for one in found} == {7}
    assert [one.loaded.preset.lora.r for one in found] == [8, 16, 8, 16]
    needs = [one.need_mib or 0 for one in found]
    assert needs[0] < needs[2]
    assert needs[1] < needs[3]


def test_without_a_sweep_one_is_judged(home: Path, peaks: Peaks) -> None:
    (found,) = assess_all("demo", home)
    assert (found.loaded.name, found.need_mib, found.label) == ("demo", peaks.high, "")


def test_what_is_forced_is_not_judged(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(monkeypatch, (SMALL, 400))
    with pytest.raises(LaunchError, match="wait forever"):
        assess_all("demo", home)
    (found,) = assess_all("demo", home, force=True)
    assert found.need_mib is None


@pytest.mark.parametrize(
    ("sweep", "error", "words"),
    [
        ("lora.r=8,many", PresetError, "lora.r"),
        ("lora.rank=8", PresetError, "lora.rank"),
        ("lora.r", LaunchError, "values are missing"),
        ("data.train_dataset=/nowhere/rows.jsonl", LaunchError, "does not exist"),
        ("lora.use_peft=true,false", LaunchError, "quantization.load_in_4bit"),
    ],
)
def test_one_that_is_refused_lets_none_in(
    home: Path, sweep: str, error: type[Exception], words: str, started: list[RunDirectory]
) -> None:
    with pytest.raises(error, match=words):
        assess_all("demo", home, (), ["train.seed=1,2", sweep], "cpu")
    assert started == list_runs(home) == []


# Putting it there


def ids(home: Path) -> list[str]:
    """The names of the runs that wait, the next one first."""
    return ["-".join(one.run.id.split("-")[2:-1]) for one in tickets.waiting(home)]


def test_they_wait_in_the_order_they_were_given(home: Path, started: list[RunDirectory]) -> None:
    made = enqueue_all(assess_all("demo", home, (), ["train.seed=1,2,3"], "cpu"), home, "cpu")
    assert ids(home) == ["demo-1", "demo-2", "demo-3"]
    assert [one.run for one in tickets.waiting(home)] == made == started
    assert [files.load_frozen(run.preset).train.seed for run in made] == [1, 2, 3]
    assert all(one.ticket.gpu == CPU for one in tickets.waiting(home))
    assert all(read_json(run.run)["queued"] is True for run in made)


def test_first_of_all_they_keep_their_order_too(home: Path) -> None:
    enqueue_all(assess_all("demo", home, gpu_choice="cpu"), home, "cpu")
    made = enqueue_all(assess_all("demo", home, (), ["train.seed=1,2,3"], "cpu"), home, "cpu", first=True)
    assert ids(home) == ["demo-1", "demo-2", "demo-3", "demo"]
    assert [run.id for run in made] == [one.run.id for one in tickets.waiting(home)][:3]


@pytest.mark.parametrize(
    ("choice", "gpu", "on_gpu"), [(None, None, True), ("1", "GPU-1", True), ("cpu", CPU, False)]
)
def test_the_ticket_says_where_to_and_how_much(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    peaks: Peaks,
    choice: str | None,
    gpu: str | None,
    on_gpu: bool,
) -> None:
    gpus(monkeypatch, (TOTAL, 100), (TOTAL, 200))
    (run,) = enqueue_all(assess_all("demo", home, gpu_choice=choice), home, choice)
    ticket = tickets.read_ticket(run)
    assert ticket is not None
    assert (ticket.gpu, ticket.need_mib) == (gpu, peaks.high if on_gpu else None)
    # Which GPU it gets is known when it starts.
    assert read_json(run.run)["gpu"] is None


# Changing it


@pytest.fixture
def waits(home: Path, monkeypatch: pytest.MonkeyPatch, peaks: Peaks) -> RunDirectory:
    """A run that waits for any of two cards, one of them too small."""
    gpus(monkeypatch, (SMALL, 700), (TOTAL, 200))
    (run,) = enqueue_all(assess_all("demo", home), home)
    return run


def test_what_is_changed_is_judged_again(home: Path, waits: RunDirectory, peaks: Peaks) -> None:
    before = tickets.read_ticket(waits)
    assert before is not None
    change(home, waits, ["train.per_device_train_batch_size=64", "train.seed=9"])
    preset = files.load_frozen(waits.preset)
    assert (preset.train.per_device_train_batch_size, preset.train.seed) == (64, 9)
    after = tickets.read_ticket(waits)
    assert after is not None
    assert (after.need_mib or 0) > peaks.high
    assert replace(after, need_mib=peaks.high) == before


@pytest.mark.parametrize(
    ("overrides", "gpu", "error"),
    [
        (["lora.use_peft=false"], None, LaunchError),
        (["lora.r=many"], None, PresetError),
        (["lora.rank=8"], None, PresetError),
        (["train.seed=9"], "H900", LaunchError),
        # It would wait there forever.
        (["train.seed=9"], "0", LaunchError),
        ([], "0", LaunchError),
    ],
)
def test_what_is_refused_changes_nothing(
    home: Path, waits: RunDirectory, overrides: list[str], gpu: str | None, error: type[Exception]
) -> None:
    preset, ticket = waits.preset.read_bytes(), tickets.read_ticket(waits)
    with pytest.raises(error):
        change(home, waits, overrides, gpu)
    assert (waits.preset.read_bytes(), tickets.read_ticket(waits)) == (preset, ticket)


@pytest.mark.parametrize(
    ("choice", "gpu", "on_gpu"), [("1", "GPU-1", True), ("any", None, True), ("cpu", CPU, False)]
)
def test_another_gpu_is_waited_for(
    home: Path, waits: RunDirectory, peaks: Peaks, choice: str, gpu: str | None, on_gpu: bool
) -> None:
    need = peaks.high if on_gpu else None
    before = tickets.read_ticket(waits)
    assert before is not None
    change(home, waits, (), choice)
    assert tickets.read_ticket(waits) == replace(before, gpu=gpu, need_mib=need)
    change(home, waits, ["train.seed=9"])
    assert tickets.read_ticket(waits) == replace(before, gpu=gpu, need_mib=need)


def test_a_run_that_does_not_wait_cannot_be_changed(home: Path, waits: RunDirectory) -> None:
    tickets.remove(home, waits)
    before = waits.preset.read_bytes()
    with pytest.raises(QueueError, match="has started, or was taken out"):
        change(home, waits, ["train.seed=9"])
    assert waits.preset.read_bytes() == before
    assert not tickets.is_queued(waits)


def test_a_run_that_starts_while_it_is_judged_is_not_changed(
    home: Path, waits: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(loaded: object, *more: object, **others: object) -> Assessment:
        tickets.drop_ticket(waits)
        return Assessment(files.load_frozen(waits.preset))

    monkeypatch.setattr(queued, "pass_gate", meanwhile)
    before = waits.preset.read_bytes()
    with pytest.raises(QueueError, match="Nothing was changed"):
        change(home, waits, ["train.seed=9"], "cpu")
    assert waits.preset.read_bytes() == before
    assert not tickets.is_queued(waits)
