"""Rows of data sets on the hub: the one part of reading rows that takes the training stack."""

from __future__ import annotations

from collections.abc import Iterator

from runner.data.columnar import without_nulls
from runner.data.errors import DataError
from runner.data.raw import RawRow
from runner.preset.data_sources import DataSource


def hub_rows(source: DataSource) -> Iterator[RawRow]:
    """Every row of a split of a data set on the hub. Raises DataError."""
    # Late: who looks at files alone does without it.
    from datasets import load_dataset

    name, split = source.dataset, source.split
    try:
        yield from (without_nulls(row) for row in load_dataset(name, source.config, split=split))
    except (ValueError, OSError, FileNotFoundError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DataError(
            f"Cannot load {name} (split {split}) from the hub: {first}",
            "A local file starts with ./ or / or ends in .jsonl, .json, .csv or .parquet; check name and network.",
        ) from None
