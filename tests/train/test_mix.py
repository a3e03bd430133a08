"""General data blended into training, and the general rows that are evaluated apart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.data.errors import DataError
from runner.data.row import Row
from runner.insight import split
from runner.insight.division import divide
from runner.preset import files
from runner.preset.data_sources import data_sources
from runner.preset.errors import PresetError
from runner.preset.schema import Preset
from runner.store.history import read_history
from runner.train.divided_rows import Divided, keys_of
from tests.train.conftest import Trained
from tests.train.small_runs import built, read_rows


def write(path: Path, word: str, rows: int) -> Path:
    made = [{"text": f"{word} {i}"} for i in range(rows)]
    path.write_text("".join(json.dumps(row) + "\n" for row in made))
    return path


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return write(tmp_path / "own.jsonl", "own", 300)


def source(path: Path, ratio: float) -> str:
    return f"{{dataset: {path}, ratio: {ratio}}}"


def loaded(home: Path, own: Path, mixed: Sequence[str] = (), *overrides: str) -> Preset:
    wanted = [f"data.train_dataset={own}", "data.eval_dataset=null", *overrides]
    if mixed:
        wanted.append(f"data.mix=[{', '.join(mixed)}]")
    return files.load("demo", home, wanted).preset


def words(rows: Sequence[Row]) -> list[str]:
    return [row.text.split()[0] for row in rows]


def texts(rows: Sequence[Row]) -> set[str]:
    return {row.text for row in rows}


def divided(preset: Preset) -> Divided:
    """Its rows with none of the preset's own held out."""
    rows = {source.name: read_rows(source) for source in data_sources(preset.data)}
    keys = {name: keys_of(found) for name, found in rows.items()}
    rows["eval"] = []
    return Divided(rows, divide(preset, {**keys, "eval": keys_of([])}))


def draw(preset: Preset) -> tuple[list[list[Row]], list[Row]]:
    """(rows to train on for each source of data.mix, rows of general ability to evaluate on)."""
    found = divided(preset)
    return found.mixed, found.general


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [
        ((0.1,), [33]),
        ((0.25,), [100]),
        ((0.5,), [300]),
        ((0.2, 0.3), [120, 180]),
        ((0.05, 0.05, 0.1), [19, 19, 38]),
    ],
    ids=str,
)
def test_a_ratio_is_the_share_of_all_training_rows(
    tmp_path: Path, home: Path, own: Path, ratios: tuple[float, ...], expected: list[int]
) -> None:
    places = [write(tmp_path / f"{i}.jsonl", f"general{i}", 600) for i in range(len(ratios))]
    preset = loaded(home, own, [source(*pair) for pair in zip(places, ratios, strict=True)])
    mixed, _ = draw(preset)
    assert [len(rows) for rows in mixed] == expected
    for place, rows in enumerate(mixed):
        assert set(words(rows)) == {f"general{place}"}
        assert len(texts(rows)) == len(rows)
        assert len(rows) / (300 + sum(expected)) == pytest.approx(ratios[place], abs=0.003)


def test_the_draw_is_the_seeds(tmp_path: Path, home: Path, own: Path) -> None:
    general = write(tmp_path / "general.jsonl", "general", 500)
    draws = [draw(loaded(home, own, [source(general, 0.2)], f"train.seed={seed}")) for seed in (1, 1, 2)]
    assert draws[0] == draws[1]
    assert texts(draws[0][0][0]) != texts(draws[2][0][0])
    assert texts(draws[0][1]) != texts(draws[2][1])


def test_one_file_named_twice_is_not_drawn_alike(tmp_path: Path, home: Path, own: Path) -> None:
    general = write(tmp_path / "general.jsonl", "general", 500)
    (first, second), _ = draw(loaded(home, own, [source(general, 0.1)] * 2))
    assert len(first) == len(second)
    assert texts(first) != texts(second)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=4))
def test_lists_are_merged_evenly_each_in_its_order(sizes: list[int]) -> None:
    """Up to any place there are as many of each list as its share says, within one row for each list there is."""
    order = split.interleave(sizes)
    assert [order.count(which) for which in range(len(sizes))] == sizes
    seen = [0] * len(sizes)
    for place, which in enumerate(order, start=1):
        seen[which] += 1
        for size, count in zip(sizes, seen, strict=True):
            assert abs(count - size * place / len(order)) <= len(sizes)


def test_few_rows_stand_in_the_middle_of_their_shares() -> None:
    """Three among 300: as far from both ends as from each other by half."""
    order = split.interleave([300, 3])
    assert [place for place, which in enumerate(order) if which == 1] == [50, 151, 252]


def test_mixed_rows_are_interleaved_and_own_ones_all_there(tmp_path: Path, home: Path, own: Path) -> None:
    general = write(tmp_path / "general.jsonl", "general", 500)
    preset = loaded(home, own, [source(general, 0.25)])
    found = divided(preset)
    rows, mixed, blended = found.rows["train"], found.mixed, found.train
    assert [row for row in blended if row.text.startswith("own")] == rows
    assert [row for row in blended if row.text.startswith("general")] == mixed[0]
    for start in range(0, 400, 4):
        assert words(blended[start : start + 4]).count("general") == 1


def test_without_a_mix_nothing_changes(home: Path, own: Path) -> None:
    preset = loaded(home, own)
    assert draw(preset) == ([], [])
    assert divided(preset).train == read_rows(data_sources(preset.data)[0])


def test_a_source_that_is_too_small_gives_what_it_has(tmp_path: Path, home: Path, own: Path) -> None:
    small = write(tmp_path / "small.jsonl", "small", 40)
    mixed, general = draw(loaded(home, own, [source(small, 0.5)]))
    # A fifth of so small a file is held out to be evaluated; all the rest is trained on.
    assert (len(mixed[0]), len(general)) == (32, 8)
    assert texts(mixed[0]) | texts(general) == {f"small {i}" for i in range(40)}


def test_ratios_that_leave_nothing_for_ones_own_rows_are_refused(
    tmp_path: Path, home: Path, own: Path
) -> None:
    with pytest.raises(PresetError, match="add up to 1"):
        loaded(home, own, [source(tmp_path / "a.jsonl", 0.6), source(tmp_path / "b.jsonl", 0.4)])


def test_a_bad_row_of_a_source_is_named(tmp_path: Path, home: Path, own: Path) -> None:
    path = tmp_path / "general.jsonl"
    path.write_text('{"text": "fine"}\n\n{"txt": "not"}\n')
    with pytest.raises(DataError, match=r"general\.jsonl, row 2: has txt"):
        draw(loaded(home, own, [source(path, 0.1)]))


# General rows to evaluate on


def test_general_rows_are_held_out_of_the_mix_before_it_is_drawn(
    tmp_path: Path, home: Path, own: Path
) -> None:
    places = [write(tmp_path / f"{i}.jsonl", f"general{i}", 400) for i in range(2)]
    preset = loaded(home, own, [source(place, 0.4) for place in places])
    mixed, general = draw(preset)
    assert words(general).count("general0") == words(general).count("general1") == 32
    assert texts(general).isdisjoint(texts(mixed[0]) | texts(mixed[1]))


def test_general_rows_that_are_named_leave_the_mix_whole(tmp_path: Path, home: Path, own: Path) -> None:
    general = write(tmp_path / "general.jsonl", "general", 40)
    named = write(tmp_path / "named.jsonl", "named", 70)
    overrides = (f"data.general_eval_dataset={named}", "eval.max_eval_samples=50")
    mixed, evaluated = draw(loaded(home, own, [source(general, 0.5)], *overrides))
    assert len(mixed[0]) == 40
    assert set(words(evaluated)) == {"named"}
    assert len(evaluated) == 50


def ids(rows: Any) -> set[tuple[int, ...]]:
    return {tuple(row) for row in rows["input_ids"]}


@pytest.mark.parametrize("named", [False, True], ids=["out of the mix", "named"])
def test_no_general_row_is_also_trained_on(tmp_path: Path, home: Path, own: Path, named: bool) -> None:
    """Not even when the same file is mixed in twice, or named for both."""
    general = write(tmp_path / "general.jsonl", "general", 200)
    overrides = (f"data.general_eval_dataset={general}",) if named else ()
    preset = loaded(home, own, [source(general, 0.15)] * 2, *overrides)
    data = built(preset)
    assert len(data.evals["general"]) == data.ledger.general_rows > 0
    assert ids(data.evals["general"]).isdisjoint(ids(data.train))


@pytest.mark.parametrize("named", [False, True], ids=["split off", "an eval file"])
def test_no_held_out_row_is_trained_on_by_way_of_the_mix(
    tmp_path: Path, home: Path, own: Path, named: bool
) -> None:
    """A held-out row that is also trained on measures memory, whichever file it came from."""
    general = write(tmp_path / "general.jsonl", "general" if named else "own", 400)
    held = tmp_path / "eval.jsonl"
    fresh = write(tmp_path / "fresh.jsonl", "fresh", 20).read_text()
    held.write_text("".join(general.read_text().splitlines(keepends=True)[:20]) + fresh)
    overrides = (f"data.eval_dataset={held}",) if named else ()
    preset = loaded(home, own, [source(general, 0.5)], *overrides)
    data = built(preset)
    assert len(data.evals["val"]) > 0
    assert ids(data.evals["val"]).isdisjoint(ids(data.train))


@pytest.mark.parametrize("fraction", [0, 0.05])
def test_general_rows_that_are_counted_are_evaluated(
    tmp_path: Path, home: Path, own: Path, fraction: float
) -> None:
    named = write(tmp_path / "named.jsonl", "named", 30)
    preset = loaded(home, own, [], f"data.general_eval_dataset={named}", f"data.eval_fraction={fraction}")
    data = built(preset)
    evaluated = len(data.evals["general"]) if "general" in data.evals else 0
    assert evaluated == data.ledger.general_rows


def test_a_real_run_evaluates_general_rows_apart(trained: Trained, tmp_path: Path) -> None:
    general = write(tmp_path / "general.jsonl", "general lamps are", 200)
    run = trained(
        "train.max_steps=2",
        "eval.eval_steps=1",
        "eval.max_eval_samples=6",
        "data.max_train_samples=40",
        f"data.mix=[{source(general, 0.2)}]",
    )
    history = read_history(run)
    assert history.end["status"] == "finished"
    assert [point.step for point in history.evals["general"]] == [0, 1, 2]
    assert {point.n for point in history.evals["general"]} == {6}
    assert [point.step for point in history.evals["val"]] == [0, 1, 2]
    losses = [point.loss for point in history.evals["general"]]
    assert all(loss > 0 for loss in losses)
    assert losses[0] != losses[2]
    ledger = history.plan["ledger"]
    assert (ledger["mix_rows"], ledger["general_rows"], ledger["train_rows"]) == (10, 6, 50)
