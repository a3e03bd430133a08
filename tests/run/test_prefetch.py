"""A long run read ahead by a process of its own is the run others read."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from runner.insight.train_curve import COLUMNS
from runner.store import prefetch
from runner.store.directory import RunDirectory
from runner.store.history import read_history
from tests.run.scenes import add, end, evaluation, made_run, phase, plan, step
from tui.services.run_reader import RunDirectoryReader

STEPS = 3000


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """A run that was resumed in the middle, with a torn tail."""
    monkeypatch.setattr(prefetch, "WORTH_BYTES", 1000)
    first = [step(n, 3 - n / STEPS) for n in range(1, STEPS // 2)]
    again = [step(n, 3 - n / STEPS) for n in range(STEPS // 2 - 100, STEPS + 1)]
    made = made_run(
        home, phase("training"), plan(STEPS), *first, {"type": "resume", "step": STEPS // 2 - 101}, *again
    )
    add(made, evaluation(STEPS, 1.5), step(STEPS + 1, "NaN"))
    with made.events.open("a") as stream:
        stream.write('{"type":"step","step":3002,')
    return made


def test_read_ahead_is_what_every_reader_reads(run: RunDirectory) -> None:
    started = prefetch.prefetch(run)
    assert started is not None
    taken = started.take()
    assert taken is not None
    tail, history = taken
    expected = read_history(run)
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(history.train, name), getattr(expected.train, name))
    assert history.resumed_at == expected.resumed_at == [STEPS // 2 - 101]
    assert history.evals == expected.evals
    # It is taken once; the second time each reads for itself.
    assert started.take() is None
    # What is written from now on is read from where the other process stopped.
    with run.events.open("a") as stream:
        stream.write('"loss":1.0}\n')
    history.fold(tail.batch(1 << 20)[0])
    assert history.step == 3002


def test_a_follower_goes_on_from_it(run: RunDirectory) -> None:
    follower = RunDirectoryReader(run, prefetched=prefetch.prefetch(run))
    view = follower.poll()
    assert view is not None
    assert view.step == STEPS + 1
    add(run, *end("finished"))
    # The torn line is ended by the next writer and counted.
    view = follower.poll()
    assert view is not None
    assert view.step == STEPS + 1


def test_a_short_run_is_not_worth_a_process(home: Path) -> None:
    assert prefetch.prefetch(made_run(home, phase("training"))) is None


def test_without_memory_to_share_the_follower_reads_itself(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(name: str) -> int:
        raise OSError(12, os.strerror(12))

    monkeypatch.setattr(os, "memfd_create", refused)
    assert prefetch.prefetch(run) is None


def test_a_reader_that_dies_costs_nothing(run: RunDirectory) -> None:
    started = prefetch.prefetch(run)
    assert started is not None
    assert started._reader is not None
    started._reader.kill()
    view = RunDirectoryReader(run, prefetched=started).poll()
    assert view is not None
    assert view.step == STEPS + 1
