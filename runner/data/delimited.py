"""Rows out of CSV and its kin. The dialect is looked for by CleverCSV; every row has as many cells as the header, or is
a bad row with its line: a spare cell or a quote that is never closed would shift or swallow what follows.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.data.encoding import Encoding
from runner.data.errors import DataError
from runner.data.lines import Line, read_lines
from runner.data.raw import BadRow, RawRow

DELIMITERS = [",", ";", "\t", "|"]
SAMPLE_LINES = 200


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
    """Every row under the header. Raises DataError when the header names a column twice."""
    csv.field_size_limit(sys.maxsize)
    dialect = dialect_of(path, encoding)
    # Blank lines too: they may stand in a cell.
    feed = _Feed(read_lines(path, encoding))
    reader = dialect.reader(iter(feed))
    header = [name.strip() for name in next((cells for cells in reader if not _is_blank(cells)), [])]
    twice = [name for name, count in Counter(name.lower() for name in header if name).items() if count > 1]
    if twice:
        raise DataError(
            f"{path}: the header names the column {twice[0]} twice.", "Give one of them another name."
        )
    while True:
        feed.taken = []
        try:
            cells = next(reader, None)
        except csv.Error as error:
            cells, problem = [], f"not CSV ({error})"
        else:
            if cells is None:
                return
            if _is_blank(cells):
                continue
            problem = _problem(feed.taken, cells, header)
        if not problem:
            yield dict(zip(header, cells, strict=True))
            continue
        filled = [line for line in feed.taken if line.text.strip()]
        yield BadRow(0, problem, filled[0].number, filled[0].text)
        # What a stray quote swallowed is looked at again, line by line.
        feed.give_back(filled[1:])
        reader = dialect.reader(iter(feed))


def _is_blank(cells: list[str]) -> bool:
    """Whether a record is a line without anything."""
    return len(cells) < 2 and not "".join(cells).strip()


def _problem(taken: list[Line], cells: list[str], header: list[str]) -> str:
    spoilt = next((line for line in taken if line.problem), None)
    if spoilt is not None:
        return spoilt.problem
    return "" if len(cells) == len(header) else f"has {len(cells)} cells, and the header names {len(header)}"


def dialect_of(path: Path, encoding: Encoding) -> Dialect:
    """The dialect of a file, by its first lines."""
    import clevercsv

    lines = [line.text for line, _ in zip(read_lines(path, encoding), range(SAMPLE_LINES), strict=False)]
    while lines and not lines[0].strip():
        lines.pop(0)
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
