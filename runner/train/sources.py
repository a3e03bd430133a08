"""Rows out of files and hub data sets, each with its number, so that an error can name it."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runner.preset.data_sources import DataSource
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


def scan(source: DataSource) -> Iterator[Row | BadRow]:
    """Every row of a source, normalised, bad ones included; those that the preset skips are left out. Raises DataError
    when the source itself cannot be read.
    """
    for number, raw in enumerate(raw_rows(source), start=1):
        if number not in source.skipped:
            yield understand(raw, number)


def understand(raw: Mapping[str, Any] | BadRow, number: int) -> Row | BadRow:
    """One raw row, normalised."""
    if isinstance(raw, BadRow):
        return replace(raw, number=number)
    try:
        return normalise(raw, number)
    except RowError as error:
        return BadRow(number, str(error))


def read_rows(source: DataSource) -> list[Row]:
    """Every row of a source, normalised. Raises DataError naming the first bad row, or the source without any."""
    rows = []
    for row in scan(source):
        if isinstance(row, BadRow):
            where = f"row {row.number}" if row.line is None else f"line {row.line}"
            raise DataError(
                f"{source.dataset}, {where}: {row.reason}",
                "Mend or remove that row; `ftui check PRESET` lists every bad one.",
            )
        rows.append(replace(row, source=source.number or 0))
    if not rows:
        raise DataError(f"{source.dataset} has no rows.", "Check the section data of the preset.")
    return rows


def raw_rows(source: DataSource) -> Iterator[Mapping[str, Any] | BadRow]:
    """Every row of a source as it stands there. Raises DataError when the source cannot be read."""
    if not source.is_local:
        return _hub_rows(source.dataset, source.split, source.config)
    path = Path(source.dataset)
    readers = {".jsonl": _jsonl, ".json": _json, ".csv": _csv, ".parquet": _parquet}
    if path.is_dir() or path.suffix not in readers:
        raise DataError(f"{path} is no data file.", f"Known are {', '.join(readers)}.")
    if not path.exists():
        raise DataError(f"{path} does not exist.", f"Check {source.key} in the preset.")
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
