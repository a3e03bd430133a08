"""From a run directory to what is shown."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from runner.foreign.logbook import Events
from runner.foreign.trace import Trace
from runner.insight.diagnosis import VerdictKind
from runner.insight.train_curve import COLUMNS
from runner.store.directory import RunDirectory
from runner.store.eta import eta_seconds
from runner.store.events import Phase
from runner.store.history import History
from runner.store.jsonl import Record
from tests.data.record import FOLDER
from tests.run.scenes import end, plan, step
from tests.tui.conftest import OVERFIT
from tui.models.run_view import age, name_of
from tui.services.run_reader import RunDirectoryReader, read_row, read_view
from tui.services.trace_reader import TraceReader


def test_a_recorded_run_as_it_was(overfit: RunDirectory) -> None:
    view = read_view(overfit)
    assert (view.name, view.phase, view.step, view.total_steps) == ("demo-overfit", Phase.FINISHED, 240, 240)
    assert list(view.curves.train.step) == list(range(1, 241))
    assert view.batch is not None
    assert view.batch.effective_batch == 4
    row = read_row(overfit)
    assert (row.verdict, row.step, row.progress) == ("overfitting", 240, 1.0)


def test_following_piece_by_piece_ends_in_the_same_view(overfit: RunDirectory, tmp_path: Path) -> None:
    whole = read_view(overfit)
    copy = RunDirectory(tmp_path / overfit.id)
    shutil.copytree(overfit.path, copy.path)
    data = overfit.events.read_bytes()
    copy.events.write_bytes(b"")
    follower = RunDirectoryReader(copy)
    view = None
    for start in range(0, len(data), 997):
        with copy.events.open("ab") as stream:
            stream.write(data[start : start + 997])
        view = follower.poll() or view
    assert view is not None
    for name in COLUMNS:
        assert_array_equal(getattr(view.curves.train, name), getattr(whole.curves.train, name))
    assert view.curves.evals == whole.curves.evals
    assert view.curves.checkpoints == whole.curves.checkpoints
    assert view.verdict == whole.verdict
    assert follower.poll() is None


def test_a_run_that_is_cut_short_is_read_again(overfit: RunDirectory) -> None:
    follower = RunDirectoryReader(overfit)
    follower.poll()
    lines = overfit.events.read_text().splitlines(keepends=True)
    overfit.events.write_text("".join(lines[:40]))
    view = follower.poll()
    assert view is not None
    assert 0 < view.step < 40


@given(st.binary(max_size=200), st.integers(0, 20_000))
def test_any_damage_to_the_events_still_gives_a_view(tmp_path_factory, junk: bytes, place: int) -> None:  # type: ignore[no-untyped-def]
    run = RunDirectory(tmp_path_factory.mktemp("runs") / OVERFIT)
    shutil.copytree(FOLDER / OVERFIT, run.path)
    data = run.events.read_bytes()
    run.events.write_bytes(data[:place] + junk + data[place + len(junk) :])
    assert read_view(run).verdict.sentence


def test_the_eta_counts_steps_and_evaluations() -> None:
    history = History()
    history.fold({"type": "plan", "total_steps": 100, "eval_steps": 10})
    for number in range(1, 51):
        history.fold({"type": "step", "step": number, "loss": 1.0, "step_s": 2.0})
    assert eta_seconds(history) == pytest.approx(100)
    history.fold({"type": "eval", "set": "val", "step": 50, "loss": 1.0, "seconds": 6.0})
    assert eta_seconds(history) == pytest.approx(100 + 5 * 6)


def test_the_eta_counts_evaluations_without_an_interval() -> None:
    history = History()
    history.fold(
        {"type": "plan", "total_steps": 100, "eval_steps": None, "eval_grid": [20, 50, 70, "?", 90, 100]}
    )
    for number in range(1, 51):
        history.fold({"type": "step", "step": number, "loss": 1.0, "step_s": 2.0})
    history.fold({"type": "eval", "set": "val", "step": 50, "loss": 1.0, "seconds": 6.0})
    assert eta_seconds(history) == pytest.approx(100 + 3 * 6)


def test_the_last_step_is_evaluated_whatever_the_interval() -> None:
    history = History()
    history.fold({"type": "plan", "total_steps": 75, "eval_steps": 7})
    history.fold({"type": "step", "step": 70, "loss": 1.0, "step_s": 2.0})
    history.fold({"type": "eval", "set": "val", "step": 70, "loss": 1.0, "seconds": 6.0})
    assert eta_seconds(history) == pytest.approx(5 * 2 + 6)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3900, "1 h 5 min"), (187_000, "2 d 3 h")]
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert age(seconds) == words


def test_the_name_in_an_id() -> None:
    assert name_of("20261123-143205-qwen3-0.6b-chat-7f3a") == "qwen3-0.6b-chat"
    assert name_of("odd") == "odd"


class MadeTrace(Trace):
    """A run of another trainer, in the pieces its reader gives."""

    kind = "made"

    def __init__(self, *pieces: list[Record]) -> None:
        super().__init__(Path("/made"), "made")
        self.pieces = list(pieces)

    def poll(self) -> Events:
        return list(self.pieces.pop(0)) if self.pieces else []

    def close(self) -> None:
        """Nothing is open."""


def test_the_last_piece_of_a_trace_is_judged_though_the_first_just_was() -> None:
    good = [step(n, 2.0) for n in range(1, 80)]
    follower = TraceReader(MadeTrace([plan(100), *good], [step(80, "NaN"), *end("finished")]))
    first, last = follower.poll(), follower.poll()
    assert first is not None
    assert last is not None
    assert first.verdict.kind is not VerdictKind.NON_FINITE
    assert last.verdict.kind is VerdictKind.NON_FINITE


def test_the_eta_counts_all_that_lies_between_steps() -> None:
    history = History()
    history.fold({"type": "plan", "total_steps": 100, "eval_steps": 10})
    for number in range(1, 51):
        # After every tenth step eight seconds go by: an evaluation of three, answers and a checkpoint.
        clock = 1000 + 2.0 * number + 8.0 * ((number - 1) // 10)
        history.fold({"type": "step", "step": number, "loss": 1.0, "step_s": 2.0, "t": clock})
        if number % 10 == 0:
            history.fold({"type": "eval", "set": "val", "step": number, "loss": 1.0, "seconds": 3.0})
    assert eta_seconds(history) == pytest.approx(50 * 2 + 5 * 8)
