"""Rows out of Parquet and Arrow files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runner.data.errors import DataError
from runner.data.raw import RawRow

BATCH_ROWS = 1000


def parquet_rows(path: Path) -> Iterator[RawRow]:
    """Every row of a Parquet file. Raises DataError."""
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        for batch in ParquetFile(path).iter_batches(batch_size=BATCH_ROWS):
            yield from (without_nulls(row) for row in batch.to_pylist())
    except (ArrowException, OSError) as error:
        raise DataError(f"{path}: not a readable Parquet file ({error}).", "Write it again.") from None


def parquet_count(path: Path) -> int | None:
    """How many rows a Parquet file has; None when it cannot be read."""
    from pyarrow import ArrowException
    from pyarrow.parquet import read_metadata

    try:
        return int(read_metadata(path).num_rows)
    except (OSError, ValueError, ArrowException):
        return None


def arrow_rows(path: Path) -> Iterator[RawRow]:
    """Every row of an Arrow file, as the library datasets saves them (a stream) or as Feather is (a file)."""
    import pyarrow
    from pyarrow import ipc

    try:
        with pyarrow.memory_map(str(path)) as source:
            for batch in _batches(ipc, source):
                yield from (without_nulls(row) for row in batch.to_pylist())
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path}: not a readable Arrow file ({error}).", "Write it again.") from None


def _batches(ipc: Any, source: Any) -> Iterator[Any]:
    if source.read(6) == b"ARROW1":
        source.seek(0)
        reader = ipc.open_file(source)
        yield from (reader.get_batch(place) for place in range(reader.num_record_batches))
    else:
        source.seek(0)
        yield from ipc.open_stream(source)


def without_nulls(row: RawRow) -> RawRow:
    """Without the nulls within its values: Arrow gives every turn and call each key that any other one has."""
    return {name: _filled(value) if isinstance(value, list | dict) else value for name, value in row.items()}


def _filled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _filled(one) for key, one in value.items() if one is not None}
    return [_filled(one) for one in value] if isinstance(value, list) else value
