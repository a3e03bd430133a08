"""Rows out of files and hub data sets, each with its number, so that an error can name it."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runner.preset.data_sections import MixSource
from runner.preset.schema import Preset
from runner.train.errors import TrainingError
from runner.train.rows import Row, RowError, normalise


class DataError(TrainingError):
    """Data that cannot be read or used; the message names the source and the row."""


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be used: its 1-based number, the line of the file it stands on (None: not by lines), why, and
    what the line says.
    """

    number: int
    reason: str
    line: int | None = None
    text: str = ""


def scan(source: str, split: str, config: str | None, skip: Set[int] = frozenset()) -> Iterator[Row | BadRow]:
    """Every row of a local file or hub data set, normalised, bad ones included; those with a number in `skip` are left
    out. Raises DataError when the source itself cannot be read.
    """
    for number, raw in enumerate(raw_rows(source, split, config), start=1):
        if number not in skip:
            yield understand(raw, number)


def understand(raw: Mapping[str, Any] | BadRow, number: int) -> Row | BadRow:
    """One raw row, normalised."""
    if isinstance(raw, BadRow):
        return replace(raw, number=number)
    try:
        return normalise(raw, number)
    except RowError as error:
        return BadRow(number, str(error))


def read_rows(source: str, split: str, config: str | None, skip: Set[int] = frozenset()) -> list[Row]:
    """Every row of a local file or hub data set, normalised. Raises DataError naming the first bad row."""
    rows = []
    for row in scan(source, split, config, skip):
        if isinstance(row, BadRow):
            where = f"row {row.number}" if row.line is None else f"line {row.line}"
            raise DataError(
                f"{source}, {where}: {row.reason}",
                "Mend or remove that row; `ftui check PRESET` lists every bad one.",
            )
        rows.append(row)
    if not rows:
        raise DataError(f"{source} has no rows.", "Check the section data of the preset.")
    return rows


def train_rows(preset: Preset) -> list[Row]:
    """The rows to train on, before anything is held out."""
    data = preset.data
    return read_rows(
        data.train_dataset, data.train_split, data.dataset_config_name, frozenset(data.skip_rows)
    )


def eval_rows(preset: Preset) -> list[Row] | None:
    """The held-out rows the preset names, or None when it names none."""
    data = preset.data
    if data.eval_dataset is not None:
        return read_rows(data.eval_dataset, data.eval_split or "train", data.dataset_config_name)
    if data.eval_split is not None:
        return read_rows(data.train_dataset, data.eval_split, data.dataset_config_name)
    return None


def mix_rows(source: MixSource) -> list[Row]:
    """The rows of one source of general data."""
    return read_rows(source.dataset, source.split, source.dataset_config_name)


def general_rows(preset: Preset) -> list[Row] | None:
    """The rows of general ability the preset names for evaluation, or None."""
    data = preset.data
    if data.general_eval_dataset is None:
        return None
    return read_rows(data.general_eval_dataset, data.general_eval_split, None)


def raw_rows(source: str, split: str, config: str | None) -> Iterator[Mapping[str, Any] | BadRow]:
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


def _jsonl(path: Path) -> Iterator[Mapping[str, Any] | BadRow]:
    for number, line in lines(path):
        yield parse_line(line, number)


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """(line number, line) of the lines of a .jsonl file that are not blank. All counts of rows are of these."""
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                yield number, line.rstrip("\n")


def parse_line(text: str, line: int) -> Mapping[str, Any] | BadRow:
    """One line of a .jsonl file."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        return BadRow(0, f"not JSON ({error})", line, text)
    return (
        value if isinstance(value, dict) else BadRow(0, f"{type(value).__name__}, not an object", line, text)
    )


def _json(path: Path) -> Iterator[Mapping[str, Any] | BadRow]:
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
    for row in value:
        yield row if isinstance(row, dict) else BadRow(0, f"{type(row).__name__}, not an object")


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
