"""The rows recorded for a step are those the model was given at that step."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from runner.data import sources
from runner.data.raw import BadRow
from runner.preset.data_sources import data_sources
from runner.preset.files import load_frozen
from runner.store.directory import RunDirectory
from runner.store.history import read_history
from runner.store.rows import rows_of
from runner.train.hub import hub_rows
from runner.train.order import RowOrder
from runner.train.tokenise import RowRenderer, length_limit
from runner.train.tokenizer import load_tokenizer
from tests.train.small_runs import UNEVALUATED, Seen, chat, recorded, tokenise, watched_run, write_rows

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("order")]

ROWS = 22


def own_rows(count: int = ROWS) -> list[dict[str, Any]]:
    """Rows of many lengths, each unlike the others."""
    return [
        chat(f"Locker {100 + i}?", " ".join(["lamps"] * (1 + 7 * i % 19)) + f" {i}.") for i in range(count)
    ]


def run_on(
    folder: Path, *overrides: str, rows: list[dict[str, Any]] | None = None
) -> tuple[RunDirectory, Seen]:
    path = write_rows(folder / "rows.jsonl", rows or own_rows())
    return watched_run(folder, *UNEVALUATED, f"data.train_dataset={path}", *overrides)


def tokens_of(run: RunDirectory) -> dict[tuple[int, int], list[int]]:
    """{(source, row): token ids} of every row of every source, read and tokenised apart from the run."""
    preset = load_frozen(run.preset)
    tokenizer = load_tokenizer(preset)
    found = {}
    for source in data_sources(preset.data):
        if (number := source.number) is None:
            continue
        rows = [row for row in sources.scan(source, hub_rows) if not isinstance(row, BadRow)]
        limit = length_limit(preset)
        for row, made in zip(rows, tokenise(RowRenderer(tokenizer), rows, limit), strict=True):
            found[number, row.number] = list(made.input_ids)
    assert len({tuple(ids) for ids in found.values()}) == len(found)
    return found


def assert_same(run: RunDirectory, seen: Seen) -> None:
    """Row by row and in order, for every step there was."""
    tokens, steps = tokens_of(run), recorded(run)
    assert list(steps) == list(seen) == list(range(1, len(seen) + 1))
    assert len(seen) == read_history(run).plan["total_steps"]
    for step, names in steps.items():
        assert [tokens[name] for name in names] == seen[step], step
        assert rows_of(run, [step]) == {step: names}


def epochs(run: RunDirectory, steps_per_epoch: int) -> list[list[tuple[int, int]]]:
    """The rows of each epoch in their order."""
    steps = recorded(run)
    return [
        [name for step in range(first, min(first + steps_per_epoch, len(steps) + 1)) for name in steps[step]]
        for first in range(1, len(steps) + 1, steps_per_epoch)
    ]


def test_plain_batches(tmp_path: Path) -> None:
    run, seen = run_on(tmp_path, "train.num_train_epochs=1")
    assert_same(run, seen)
    assert [len(rows) for rows in seen.values()] == [4, 4, 4, 4, 4, 2]
    assert sorted(name for names in recorded(run).values() for name in names) == [
        (0, i) for i in range(1, 23)
    ]


def test_accumulation_whose_last_step_of_an_epoch_is_ragged(tmp_path: Path) -> None:
    """Six batches of four rows in steps of four batches: the second step has a whole batch and two rows more."""
    run, seen = run_on(tmp_path, "train.gradient_accumulation_steps=4", "train.num_train_epochs=3")
    assert_same(run, seen)
    assert [len(rows) for rows in seen.values()] == [16, 6] * 3
    orders = epochs(run, 2)
    assert all(sorted(order) == [(0, i) for i in range(1, ROWS + 1)] for order in orders)
    assert all(a != b for a, b in itertools.combinations(orders, 2))


def test_a_part_of_an_epoch(tmp_path: Path) -> None:
    """Two and a third epochs: the run ends in the midst of the third order."""
    run, seen = run_on(tmp_path, "train.num_train_epochs=2.3", "train.per_device_train_batch_size=5")
    assert_same(run, seen)
    assert len(seen) == 12
    whole = epochs(run, 5)
    assert [len(order) for order in whole] == [ROWS, ROWS, 10]
    assert len(set(whole[2])) == 10


def test_the_order_is_the_seeds(tmp_path: Path) -> None:
    runs = [
        run_on(tmp_path / str(place), f"train.seed={seed}", "train.num_train_epochs=2")[0]
        for place, seed in enumerate((7, 7, 8))
    ]
    first, again, other = (recorded(run) for run in runs)
    assert first == again
    assert all(a != b for a, b in zip(epochs(runs[0], 6), epochs(runs[2], 6), strict=True))
    assert first != other


def test_packed_rows_are_named_by_what_they_are_made_of(tmp_path: Path) -> None:
    run, seen = run_on(
        tmp_path,
        "train.packing=true",
        "train.max_length=64",
        "train.per_device_train_batch_size=2",
        "train.gradient_accumulation_steps=2",
        "train.num_train_epochs=2",
    )
    assert_same(run, seen)
    assert len(seen[1]) > 4
    assert all(sorted(order) == [(0, i) for i in range(1, ROWS + 1)] for order in epochs(run, len(seen) // 2))


def test_rows_that_packing_cuts_are_named_wherever_a_piece_of_them_is(tmp_path: Path) -> None:
    rows = [{"text": f"{i} " + " ".join(f"lamps {j}" for j in range(3 + 9 * i % 40))} for i in range(12)]
    run, seen = run_on(
        tmp_path,
        "train.packing=true",
        "train.packing_strategy=bfd_split",
        "train.max_length=48",
        "train.per_device_train_batch_size=1",
        "train.num_train_epochs=1",
        rows=rows,
    )
    tokens, steps = tokens_of(run), recorded(run)
    assert max(len(ids) for ids in tokens.values()) > 48
    for step, pieces in seen.items():
        owners = {next(name for name in steps[step] if is_within(piece, tokens[name])) for piece in pieces}
        assert owners == set(steps[step])
    assert Counter(token for pieces in seen.values() for piece in pieces for token in piece) == Counter(
        token for ids in tokens.values() for token in ids
    )


def is_within(piece: list[int], whole: list[int]) -> bool:
    return any(whole[at : at + len(piece)] == piece for at in range(len(whole) - len(piece) + 1))


def test_rows_grouped_by_length(tmp_path: Path) -> None:
    run, seen = run_on(
        tmp_path,
        "train.train_sampling_strategy=group_by_length",
        "train.num_train_epochs=2",
        "train.gradient_accumulation_steps=2",
    )
    assert_same(run, seen)
    orders = epochs(run, 3)
    assert all(sorted(order) == [(0, i) for i in range(1, ROWS + 1)] for order in orders)
    assert orders[0] != orders[1]
    # Groups of 4 × 2 rows, each from long to short; the first row of all is the longest, put there by a swap.
    lengths = [[len(ids) for ids in seen[step]] for step in (1, 2, 3)]
    assert lengths[0][0] == max(itertools.chain(*lengths))
    assert lengths[1] == sorted(lengths[1], reverse=True)
    again, _ = run_on(
        tmp_path / "again",
        "train.train_sampling_strategy=group_by_length",
        "train.num_train_epochs=2",
        "train.gradient_accumulation_steps=2",
    )
    assert recorded(again) == recorded(run)


def test_rows_of_a_second_source_have_its_number(tmp_path: Path) -> None:
    general = write_rows(tmp_path / "general.jsonl", ({"text": f"General {i} apples."} for i in range(40)))
    run, seen = run_on(tmp_path, f"data.mix=[{{dataset: {general}, ratio: 0.3}}]", "train.num_train_epochs=2")
    assert_same(run, seen)
    counts = Counter(source for names in recorded(run).values() for source, _ in names)
    assert counts == {0: 2 * ROWS, 1: 2 * 9}


def test_numbers_are_those_of_the_file_when_rows_are_left_out(tmp_path: Path) -> None:
    """Blank lines are no rows; rows that are skipped keep their numbers."""
    lines = [json.dumps(row) for row in own_rows()]
    path = tmp_path / "holes.jsonl"
    path.write_text("\n\n".join(lines) + "\n")
    run, seen = run_on(
        tmp_path, f"data.train_dataset={path}", "data.skip_rows=[2, 3, 21]", "train.num_train_epochs=1"
    )
    assert_same(run, seen)
    trained = sorted(name for names in recorded(run).values() for name in names)
    assert trained == [(0, i) for i in range(1, ROWS + 1) if i not in (2, 3, 21)]


def test_rows_that_are_dropped_or_drawn_shift_no_number(tmp_path: Path) -> None:
    """Row 5 has nothing to learn, and of the others a part is drawn."""
    rows = own_rows()
    rows[4] = chat("long " * 80, "Beyond.")
    run, seen = run_on(
        tmp_path, "data.max_train_samples=18", "train.max_length=60", "train.num_train_epochs=1", rows=rows
    )
    assert_same(run, seen)
    names = {name for names in recorded(run).values() for name in names}
    ledger = read_history(run).plan["ledger"]
    assert (0, 5) not in names
    assert len(names) == ledger["train_rows"] == 18 - ledger["rows_without_trained_tokens"]


def test_the_longest_row_comes_first_where_memory_can_run_out() -> None:
    order = RowOrder(6, seed=3, lengths=[5, 9, 40, 2, 7, 1])
    assert order.of(0)[0] == 2
    assert sorted(order.of(0)) == sorted(order.of(1)) == [0, 1, 2, 3, 4, 5]
    assert order.of(1) == RowOrder(6, seed=3).of(1)
