"""Rows are divided by their keys alone, and no row that is evaluated on is trained on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.insight.division import Division, Keys, divide
from runner.preset import files
from runner.preset.schema import Preset

# Few different keys, so that sources have rows in common and copies of their own.
rows = st.lists(st.integers(0, 60), min_size=1, max_size=80).map(lambda keys: np.array(keys, dtype=np.uint64))


def preset_of(*overrides: str) -> Preset:
    wanted = (
        "data.eval_dataset=null",
        "data.mix=[{dataset: org/a, ratio: 0.2}, {dataset: org/b, ratio: 0.3}]",
        *overrides,
    )
    return files.load("demo", Path("/nowhere"), wanted).preset


PLAIN = preset_of()
SMALL = preset_of("data.max_train_samples=20", "eval.max_eval_samples=4", "data.eval_fraction=0.4")
UNEVALUATED = preset_of("data.eval_fraction=0")


def keys_in(keys: Mapping[str, Keys], part: Mapping[str, np.ndarray]) -> list[int]:
    return [int(key) for name, places in part.items() for key in keys[name][places]]


def check(preset: Preset, keys: Mapping[str, Keys], found: Division) -> None:
    trained, tested = keys_in(keys, found.train), keys_in(keys, found.evaluated)
    general = keys_in(keys, found.general)
    assert set(trained).isdisjoint(tested)
    assert set(trained).isdisjoint(general)
    assert len(tested) <= preset.eval.most_rows
    assert len(general) <= preset.eval.most_rows
    for part in (found.train, found.evaluated, found.general):
        for name, places in part.items():
            assert np.all(np.diff(places) > 0)
            assert not len(places) or 0 <= places[0] <= places[-1] < len(keys[name])
    assert list(found.train) == [name for name in ("train", "mix 1", "mix 2") if name in keys]


@given(rows, rows, rows, st.none() | rows, st.none() | rows, st.sampled_from([PLAIN, SMALL, UNEVALUATED]))
@settings(deadline=None)
def test_no_row_is_on_both_sides(
    own: Keys, one: Keys, two: Keys, named: Keys | None, broad: Keys | None, preset: Preset
) -> None:
    keys = {"train": own, "mix 1": one, "mix 2": two}
    keys |= {"eval": named} if named is not None else {}
    keys |= {"general": broad} if broad is not None else {}
    found = divide(preset, keys)
    check(preset, keys, found)
    most = preset.data.max_train_samples or len(own)
    assert len(found.train["train"]) + found.held_out == min(most, len(own))
    if named is not None:
        left = {int(key) for key in own[found.train["train"]]}
        assert [int(key) in left for key in named] == [place in found.overlap for place in range(len(named))]
        assert list(found.evaluated) == ["eval"]
    else:
        assert not len(found.overlap)
    # Equal keys are all that counts, not which they are.
    again = divide(preset, {name: found * np.uint64(7) + np.uint64(1) for name, found in keys.items()})
    for part, other in zip(
        (found.train, found.evaluated, found.general),
        (again.train, again.evaluated, again.general),
        strict=True,
    ):
        assert {name: places.tolist() for name, places in part.items()} == {
            name: places.tolist() for name, places in other.items()
        }


def test_sources_that_were_not_read_yet_are_left_out() -> None:
    keys = {"train": np.arange(100, dtype=np.uint64), "mix 2": np.arange(200, 400, dtype=np.uint64)}
    found = divide(PLAIN, keys)
    check(PLAIN, keys, found)
    assert len(found.train["mix 2"]) == round(len(found.train["train"]) * 0.3 / 0.5)
    assert list(found.general) == ["mix 2"]


def test_general_rows_are_drawn_of_all_their_sources() -> None:
    keys = {name: np.arange(at, at + 100, dtype=np.uint64) for at, name in ((0, "train"), (1000, "mix 1"))}
    keys["mix 2"] = np.arange(2000, 2300, dtype=np.uint64)
    found = divide(preset_of("eval.max_eval_samples=12"), keys)
    assert sum(len(places) for places in found.general.values()) == 12
    assert all(len(places) for places in found.general.values())
