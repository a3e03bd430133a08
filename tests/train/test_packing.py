"""As many packed rows are foretold as TRL makes, because every count of steps rests on it."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from datasets import Dataset

from runner.insight.packing import packed_rows
from runner.preset.schema import Preset
from runner.train.packing import pack


def preset(max_length: int, strategy: str) -> Preset:
    return Preset.model_validate(
        {
            "model": {"model_name_or_path": "./model"},
            "data": {"train_dataset": "./rows.jsonl"},
            "train": {"packing": True, "packing_strategy": strategy, "max_length": max_length},
        }
    )


def rows_of(lengths: list[int]) -> Dataset:
    ids = [[place] * length for place, length in enumerate(lengths)]
    return Dataset.from_dict({"input_ids": ids, "labels": ids})


def random_lengths(rows: int, longest: int, seed: int) -> list[int]:
    """Mostly short, some long, as chats are."""
    draw = random.Random(seed)
    return [min(longest, 1 + int(draw.expovariate(4 / longest))) for _ in range(rows)]


@pytest.mark.parametrize("strategy", ["bfd", "bfd_split"])
@pytest.mark.parametrize("max_length", [8, 33, 128, 500])
@pytest.mark.parametrize("seed", range(3))
def test_packed_rows_are_as_many_as_trl_makes(strategy: str, max_length: int, seed: int) -> None:
    lengths = random_lengths(300, 200, seed)
    packed = pack(rows_of(lengths), preset(max_length, strategy))
    assert packed_rows(Counter(lengths), max_length, split=strategy == "bfd_split") == len(packed)


@pytest.mark.parametrize("strategy", ["bfd", "bfd_split"])
def test_more_than_a_thousand_rows_are_counted_as_well(strategy: str) -> None:
    """TRL packs through Dataset.map, a thousand rows at a time unless told otherwise."""
    lengths = random_lengths(4000, 40, 7)
    packed = pack(rows_of(lengths), preset(32, strategy))
    assert packed_rows(Counter(lengths), 32, split=strategy == "bfd_split") == len(packed)


@pytest.mark.parametrize("strategy", ["bfd", "bfd_split"])
def test_packing_keeps_every_token_it_may_keep(strategy: str) -> None:
    lengths = random_lengths(200, 100, 3)
    packed = pack(rows_of(lengths), preset(64, strategy))
    tokens = Counter(token for ids in packed["input_ids"] for token in ids)
    kept = {
        place: length if strategy == "bfd_split" else min(length, 64) for place, length in enumerate(lengths)
    }
    assert tokens == kept
    assert max(len(ids) for ids in packed["input_ids"]) <= 64
    assert [sum(parts) for parts in packed["seq_lengths"]] == [len(ids) for ids in packed["input_ids"]]
