"""Rows out of CSV and its kin. The dialect is looked for by CleverCSV; every row has as many cells as the header, or is
a bad row with its line: a spare cell or a quote that is never closed would shift or swallow what follows.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.data.encoding import Encoding
from runner.data.lines import Line, read_lines
from runner.data.raw import BadRow, RawRow

DELIMITERS = [",", ";", "\t", "|"]
SAMPLE_LINES = 200
# A cell over so many lines of which each looks like a row of its own is a quote that was not closed.
LEAST_SWALLOWED = 6


@dataclass(frozen=True)
class Dialect:
    """How cells are told apart."""

    delimiter: str
    quote: str = '"'
    escape: str | None = None
    skip_blanks: bool = False

    def reader(self, lines: Iterator[str]) -> Iterator[list[str]]:
        """The records of lines that keep their ends."""
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quote or '"',
            escapechar=self.escape,
            skipinitialspace=self.skip_blanks,
            strict=True,
        )

    @property
    def name(self) -> str:
        return {"\t": "tab", ";": "semicolon", "|": "bar"}.get(self.delimiter, "comma")


class _Feed:
    """Lines for a reader, of which it can be told how many it took, and some be given back."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._again: list[Line] = []
        self.taken: list[Line] = []

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else next(self._lines)
        self.taken.append(line)
        return line.text + "\n"

    def give_back(self, lines: list[Line]) -> None:
        self._again.extend(reversed(lines))


def delimited_rows(path: Path, encoding: Encoding) -> Iterator[RawRow | BadRow]:
    """Every row under the header."""
    csv.field_size_limit(sys.maxsize)
    dialect = dialect_of(path, encoding)
    feed = _Feed(line for line in read_lines(path, encoding) if line.text.strip())
    reader = dialect.reader(iter(feed))
    header = [name.strip() for name in next(reader, [])]
    while True:
        feed.taken = []
        try:
            cells = next(reader, None)
        except csv.Error as error:
            cells, problem = [], f"not CSV ({error})"
        else:
            if cells is None:
                return
            problem = _problem(feed.taken, cells, header, dialect)
        if not problem:
            yield dict(zip(header, cells, strict=True))
            continue
        first, *others = feed.taken
        yield BadRow(0, problem, first.number, first.text)
        # What a stray quote swallowed is looked at again, line by line.
        feed.give_back(others)
        reader = dialect.reader(iter(feed))


def _problem(taken: list[Line], cells: list[str], header: list[str], dialect: Dialect) -> str:
    spoilt = next((line for line in taken if line.problem), None)
    if spoilt is not None:
        return spoilt.problem
    if len(taken) >= LEAST_SWALLOWED and len(header) > 1:
        inner = [line for line in taken[1:-1] if line.text.count(dialect.delimiter) == len(header) - 1]
        if len(inner) == len(taken) - 2:
            last = taken[-1].number
            return (
                f"a quote that opens here closes in line {last} only, over what looks like {len(inner)} rows"
            )
    if len(cells) != len(header):
        return f"has {len(cells)} cells, and the header names {len(header)}"
    return ""


def dialect_of(path: Path, encoding: Encoding) -> Dialect:
    """The dialect of a file, by its first lines."""
    import clevercsv

    lines = []
    for line in read_lines(path, encoding):
        if line.text.strip():
            lines.append(line.text)
        if len(lines) >= SAMPLE_LINES:
            break
    if path.name.lower().removesuffix(".gz").endswith(".tsv"):
        return Dialect("\t")
    found = clevercsv.Detector().detect("\n".join(lines), delimiters=DELIMITERS)
    delimiter = found.delimiter if found is not None and found.delimiter in DELIMITERS else ","
    header = lines[0].split(delimiter) if lines else []
    return Dialect(
        delimiter,
        escape=(found.escapechar or None) if found is not None else None,
        skip_blanks=len(header) > 1 and all(cell.startswith(" ") for cell in header[1:]),
    )
