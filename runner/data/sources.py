"""The rows of a source, each with its number, so that an error can name it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from runner.data.container import Container, open_container
from runner.data.errors import DataError
from runner.data.json_rows import parse_line
from runner.data.part import SliceError, part_of
from runner.data.raw import BadRow, RawRow
from runner.data.row import LeftOutError, Row, RowError
from runner.data.shapes import normalise
from runner.preset.data_sources import DataSource

# How the rows of a data set on the hub are had: by the training stack, which is not of this room.
Hub = Callable[[DataSource], Iterator[RawRow]]


def no_hub(source: DataSource) -> Iterator[RawRow]:
    """Where only files are read. Raises DataError."""
    raise DataError(f"{source.dataset} is a data set on the hub, not a file.", "Name it in a preset.")


def container_of(source: DataSource) -> Container | None:
    """The file of a source; None for a data set on the hub. Raises DataError."""
    if not source.is_local:
        return None
    return open_container(Path(source.dataset), source.key, source.reading.encoding)


def raw_rows(source: DataSource, hub: Hub = no_hub) -> Iterator[RawRow | BadRow]:
    """Every row of a source as it stands there. Raises DataError when the source cannot be read."""
    container = container_of(source)
    return hub(source) if container is None else container.rows()


def raw_row(source: DataSource, number: int, hub: Hub = no_hub) -> RawRow | BadRow:
    """One row; of a file by lines those before it are not understood. Raises DataError; IndexError past the last."""
    container = container_of(source)
    if container is not None and container.is_by_lines:
        found = next(islice(container.lines(), number - 1, None), None)
        if found is not None:
            return parse_line(found)
    else:
        for raw in islice(raw_rows(source, hub), number - 1, None):
            return raw
    raise IndexError(f"there is no row {number}")


def scan(source: DataSource, hub: Hub = no_hub) -> Iterator[Row | BadRow]:
    """Every row of a source, normalised, bad ones included; those that the preset skips, or that lie outside the part
    it takes, are left out. Raises DataError when the source itself cannot be read.
    """
    wanted = wanted_numbers(source)
    for number, raw in enumerate(islice(raw_rows(source, hub), wanted.stop - 1), start=1):
        if number >= wanted.start and number not in source.skipped:
            yield understand(raw, number, source)


def wanted_numbers(source: DataSource) -> range:
    """The numbers of the rows of a source that are looked at; of a hub data set the hub chooses. Raises DataError."""
    if not source.is_local:
        return range(1, sys.maxsize)
    try:
        part = part_of(source.split)
    except SliceError as error:
        raise DataError(
            f"{source.dataset}: {error}.", f"Check the split beside {source.key} in the preset."
        ) from None
    count = None
    if part.needs_count:
        container = container_of(source)
        count = (container.count() if container is not None else None) or sum(1 for _ in raw_rows(source))
    found = part.numbers(count)
    return range(found.start, min(found.stop, sys.maxsize))


def understand(raw: RawRow | BadRow, number: int, source: DataSource) -> Row | BadRow:
    """One raw row, normalised."""
    if isinstance(raw, BadRow):
        return replace(raw, number=number, is_left_out=source.reading.skips_bad)
    try:
        return normalise(raw, number, source.reading)
    except LeftOutError as reason:
        return BadRow(number, str(reason), is_left_out=True)
    except RowError as error:
        return BadRow(number, str(error), is_left_out=source.reading.skips_bad)


def read_rows(source: DataSource, hub: Hub = no_hub) -> tuple[list[Row], int]:
    """Every row of a source, normalised, and how many are left out, by a setting or their author's mark. Raises
    DataError naming the first bad row, or the source without any.
    """
    rows, left_out = [], 0
    for row in scan(source, hub):
        if not isinstance(row, BadRow):
            rows.append(replace(row, source=source.number or 0))
        elif row.is_left_out:
            left_out += 1
        else:
            where = f"row {row.number}" if row.line is None else f"line {row.line}"
            raise DataError(
                f"{source.dataset}, {where}: {row.reason}",
                "Mend or remove it, or leave such rows out (data.on_bad_rows: skip). `ftui check PRESET` lists them.",
            )
    if not rows:
        raise DataError(f"{source.dataset} has no rows.", "Check the section data of the preset.")
    return rows, left_out
