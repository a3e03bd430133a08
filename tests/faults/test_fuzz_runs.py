"""Spoilt run directories: whatever is in one, nothing that reads it raises.

`make fuzz` makes more than ten thousand of them, the suite some hundreds, the same each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from tests.faults import fuzz_readers as readers
from tests.faults.fuzz_amount import SEED, repeatable
from tests.faults.fuzz_disk import Store
from tests.faults.fuzz_drawing import Sight
from tests.faults.fuzz_strategies import Focus, Mutated, every_value, mutated
from tests.faults.fuzz_tasks import Task, tasks_of
from tui.charts.view import SCALES, SMOOTHINGS, ZOOMS, Axis, ChartMode

# Of each of five kinds; with one directory for every value of every field these are more than ten thousand.
LARGE = 1250
SMALL = 80
LEAST_VALUES = 4000
# So many of the values of all fields are one of the suite's shares.
SHARES = 20

modes = st.builds(
    ChartMode,
    st.sampled_from(Axis),
    st.integers(0, len(SMOOTHINGS) - 1),
    st.integers(0, len(ZOOMS) - 1),
    st.integers(0, len(SCALES) - 1),
    st.none() | st.integers(0, 200),
)
sights = st.builds(Sight, st.integers(16, 130), st.integers(1, 40), modes, st.integers(0, 9))


@pytest.fixture
def store(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    readers.make_quick(monkeypatch)
    made = Store(home)
    made.write_other()
    yield made
    made.let_go()


def show(store: Store, run: Mutated, sight: Sight) -> None:
    """Follow a run as the screen does, and draw what is seen of it."""
    view, row = readers.follow(store, lambda: store.change(run.tree_later(), run.later.in_place))
    if view is not None:
        sight.draw(view)
    sight.draw_row(row)


def read_spoilt(focus: Focus, store: Store, examples: int) -> None:
    """Read so many runs spoilt most of all in these files."""
    count = 0

    @seed(SEED)
    @settings(max_examples=examples)
    @given(mutated(focus), sights, st.sampled_from(tasks_of(focus.value)))
    def read(run: Mutated, sight: Sight, task: Task) -> None:
        nonlocal count
        count += 1
        store.write(run.tree(), run.is_alive)
        readers.read_library(store)
        show(store, run, sight)
        task(store, sight)

    with repeatable():
        read()
    print(f"{count} run directories, spoilt most of all in {', '.join(focus.value)}")
    assert count >= examples


def read_values(store: Store, share: int, shares: int) -> int:
    """Read a run for each of this share of the values in fields; returns how many these were."""
    count = 0
    for place, (field, run) in enumerate(every_value()):
        if place % shares != share:
            continue
        count += 1
        store.write(run.tree(), run.is_alive)
        sight, tasks = Sight(chosen=place), tasks_of([field.path])
        try:
            show(store, run, sight)
            tasks[place % len(tasks)](store, sight)
        except Exception as error:
            error.add_note(f"with {run.mutations}")
            raise
    print(f"{count} run directories with one other value")
    return count


@pytest.mark.parametrize("focus", Focus)
def test_a_spoilt_run_is_read(focus: Focus, store: Store) -> None:
    read_spoilt(focus, store, SMALL)


def test_a_value_may_stand_in_a_field(store: Store) -> None:
    with repeatable():
        assert read_values(store, SEED % SHARES, SHARES) >= LEAST_VALUES // SHARES


@pytest.mark.large
@pytest.mark.parametrize("focus", Focus)
def test_any_spoilt_run_is_read(focus: Focus, store: Store) -> None:
    read_spoilt(focus, store, LARGE)


@pytest.mark.large
@pytest.mark.parametrize("share", range(4))
def test_any_value_may_stand_in_any_field(share: int, store: Store) -> None:
    assert read_values(store, share, 4) >= LEAST_VALUES // 4
