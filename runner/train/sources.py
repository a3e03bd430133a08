"""Rows out of files and hub data sets, each with its number, so that an error can name it."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from runner.preset.schema import Preset
from runner.train.errors import TrainingError
from runner.train.rows import Row, RowError, normalise


class DataError(TrainingError):
    """Data that cannot be read or used; the message names the source and the row."""


def read_rows(source: str, split: str, config: str | None) -> list[Row]:
    """Every row of a local file or hub data set, normalised. Raises DataError naming the first bad row."""
    rows = []
    for number, raw in enumerate(_raw_rows(source, split, config), start=1):
        try:
            rows.append(normalise(raw, number))
        except RowError as error:
            raise DataError(f"{source}, row {number}: {error}", "Mend or remove that row.") from None
    if not rows:
        raise DataError(f"{source} has no rows.", "Check data.train_dataset in the preset.")
    return rows


def train_rows(preset: Preset) -> list[Row]:
    """The rows to train on, before anything is held out."""
    data = preset.data
    return read_rows(data.train_dataset, data.train_split, data.dataset_config_name)


def eval_rows(preset: Preset) -> list[Row] | None:
    """The held-out rows the preset names, or None when it names none."""
    data = preset.data
    if data.eval_dataset is not None:
        return read_rows(data.eval_dataset, data.eval_split or "train", data.dataset_config_name)
    if data.eval_split is not None:
        return read_rows(data.train_dataset, data.eval_split, data.dataset_config_name)
    return None


def _raw_rows(source: str, split: str, config: str | None) -> Iterator[Mapping[str, Any]]:
    if not source.startswith("/"):
        return _hub_rows(source, split, config)
    path = Path(source)
    readers = {".jsonl": _jsonl, ".json": _json, ".csv": _csv, ".parquet": _parquet}
    if path.is_dir() or path.suffix not in readers:
        raise DataError(f"{path} is no data file.", f"Known are {', '.join(readers)}.")
    if not path.exists():
        raise DataError(
            f"{path} does not exist.", "Check data.train_dataset and data.eval_dataset in the preset."
        )
    return readers[path.suffix](path)


def _jsonl(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open(encoding="utf-8", errors="replace") as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                yield _object(path, number, line)


def _object(path: Path, number: int, text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise DataError(f"{path}, line {number}: not JSON ({error}).", "Mend or remove that line.") from None
    if not isinstance(value, dict):
        raise DataError(f"{path}, line {number}: {type(value).__name__}, not an object.", "One {…} a line.")
    return value


def _json(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        value = json.loads(path.read_text(encoding="utf-8", errors="replace"))
    except ValueError as error:
        raise DataError(
            f"{path}: not JSON ({error}).", "For one object a line, name the file .jsonl."
        ) from None
    if isinstance(value, dict) and len(lists := [v for v in value.values() if isinstance(v, list)]) == 1:
        value = lists[0]
    if not isinstance(value, list):
        raise DataError(f"{path}: not a list of rows.", "It should be [{…}, {…}].")
    for number, row in enumerate(value, start=1):
        if not isinstance(row, dict):
            raise DataError(
                f"{path}, row {number}: {type(row).__name__}, not an object.", "Mend or remove it."
            )
        yield row


def _csv(path: Path) -> Iterator[Mapping[str, Any]]:
    csv.field_size_limit(sys.maxsize)
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        yield from csv.DictReader(stream)


def _parquet(path: Path) -> Iterator[Mapping[str, Any]]:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        for batch in ParquetFile(path).iter_batches(batch_size=1000):
            yield from batch.to_pylist()
    except ArrowException as error:
        raise DataError(f"{path}: not a readable Parquet file ({error}).", "Write it again.") from None


def _hub_rows(name: str, split: str, config: str | None) -> Iterator[Mapping[str, Any]]:
    from datasets import load_dataset

    try:
        yield from load_dataset(name, config, split=split)
    except (ValueError, OSError, FileNotFoundError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DataError(
            f"Cannot load {name} (split {split}) from the hub: {first}",
            "A local file starts with ./ or / or ends in .jsonl, .json, .csv or .parquet; check name and network.",
        ) from None
