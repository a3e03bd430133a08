"""The split, the probe and the ledger on planted data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.data.errors import DataError
from runner.data.row import Row, RowFormat
from runner.insight.division import divide
from runner.preset import files
from runner.train import dataset
from runner.train.divided_rows import Divided, keys_of
from tests.train.small_runs import built


def text_rows(contents: list[str]) -> list[Row]:
    return [Row(i, RowFormat.TEXT, text=text) for i, text in enumerate(contents, start=1)]


def split_off(contents: list[str], fraction: float, seed: int) -> tuple[list[Row], list[Row]]:
    """(rows to train on, rows held out) of these."""
    wanted = ["data.eval_dataset=null", f"data.eval_fraction={fraction}", f"train.seed={seed}"]
    wanted.append("eval.max_eval_samples=512")
    preset = files.load("demo", Path("/nowhere"), wanted).preset
    rows = text_rows(contents)
    found = Divided({"train": rows}, divide(preset, {"train": keys_of(rows)}))
    assert found.division.held_out == len(found.held_out)
    return found.train, found.held_out


@given(st.lists(st.sampled_from("abcdefghijklmnopqrstuvwxyz"), min_size=2, max_size=200), st.integers(0, 5))
@settings(deadline=None)
def test_no_held_out_row_is_also_trained_on(contents: list[str], seed: int) -> None:
    train, held = split_off(contents, 0.05, seed)
    assert {row.key for row in train}.isdisjoint({row.key for row in held})
    assert len(train) + len(held) == len(contents)
    assert len(held) <= max(1, len(contents) // 5)


@pytest.mark.parametrize(("rows", "held"), [(100, 20), (1000, 50), (640, 32), (20_000, 512), (10, 2), (1, 0)])
def test_how_many_are_held_out(rows: int, held: int) -> None:
    train, kept = split_off([str(i) for i in range(rows)], 0.05, 1)
    assert (len(kept), len(train)) == (held, rows - held)


def test_the_split_is_the_same_for_the_same_seed() -> None:
    contents = [str(i) for i in range(300)]
    picks = [[row.number for row in split_off(contents, 0.05, seed)[1]] for seed in (1, 1, 2)]
    assert picks[0] == picks[1] != picks[2]


def test_no_eval_when_switched_off() -> None:
    assert split_off(["a", "b", "c"], 0.0, 1)[1] == []


def build(folder: Path, home: Path, rows: list[dict[str, Any]], *overrides: str) -> dataset.Data:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    preset = files.load("demo", home, [f"data.train_dataset={path}", *overrides]).preset
    return built(preset)


def chat(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def test_the_ledger_counts_planted_defects_exactly(tmp_path: Path, home: Path) -> None:
    good = [chat(f"How many lamps has {i}?", "Two.") for i in range(50)]
    cut = [chat("Why?", "Because " * 100), chat("Why now?", "Because " * 120)]
    beyond = [chat("long " * 200, "Yes.")]
    twice = [chat("again", "Yes."), chat("again", "Yes.")]
    leaked = [chat("seen?", "Yes.")]
    (tmp_path / "eval.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in [*leaked, chat("new?", "No.")])
    )
    overrides = [f"data.eval_dataset={tmp_path}/eval.jsonl", "train.max_length=64"]
    data = build(tmp_path, home, [*good, *cut, *beyond, *twice, *leaked], *overrides)
    ledger = data.ledger
    assert ledger.rows_read == 56
    assert ledger.duplicate_rows == 1
    assert ledger.eval_rows_also_in_train == 1
    assert ledger.eval_rows == 1
    assert ledger.truncated_rows == 3
    assert ledger.rows_without_trained_tokens == 1
    assert ledger.train_rows == 55 == len(data.train)
    assert ledger.tokens == sum(len(ids) for ids in data.train["input_ids"])
    assert ledger.trained_tokens == sum(label != -100 for labels in data.train["labels"] for label in labels)
    assert max(len(ids) for ids in data.train["input_ids"]) == 64
    assert ledger.longest_row > 200


def test_the_probe_is_of_training_rows_and_as_many_as_the_held_out(tmp_path: Path, home: Path) -> None:
    rows = [chat(f"number {i}?", "Yes.") for i in range(400)]
    data = build(tmp_path, home, rows, "data.eval_dataset=null")
    assert len(data.evals["val"]) == len(data.evals["train_probe"]) == 32
    train = {tuple(ids) for ids in data.train["input_ids"]}
    assert all(tuple(ids) in train for ids in data.evals["train_probe"]["input_ids"])
    assert not any(tuple(ids) in train for ids in data.evals["val"]["input_ids"])


def test_nothing_to_learn_from_ends_before_training(tmp_path: Path, home: Path) -> None:
    with pytest.raises(DataError, match="None of the 3 training rows"):
        build(tmp_path, home, [chat("long " * 300, "Yes.")] * 3, "train.max_length=32")
