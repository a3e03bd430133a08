"""What a data file is, told by what stands in it; its name's ending decides only where that leaves it open."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from runner.data import columnar, delimited, json_rows, plain_text
from runner.data.encoding import UTF_8, Encoding, encoding_of
from runner.data.errors import DataError
from runner.data.lines import Line, read_lines
from runner.data.opened import KNOWN, magic, require_file
from runner.data.raw import BadRow, RawRow

PACKED_ENDINGS = (".gz", ".bz2", ".xz", ".zst", ".zstd")


class Kind(StrEnum):
    """What rows are written in."""

    JSON_LINES = "JSON, a row a line"
    JSON = "JSON"
    DELIMITED = "CSV"
    TEXT = "plain text"
    PARQUET = "Parquet"
    ARROW = "Arrow"


@dataclass(frozen=True)
class Container:
    """A data file whose kind is known."""

    path: Path
    kind: Kind
    encoding: Encoding = UTF_8

    @property
    def remarks(self) -> list[str]:
        """How the file is read where that is not plain from its name."""
        found = [self.encoding.remark] if self.encoding.remark else []
        if self.kind is Kind.DELIMITED:
            dialect = delimited.dialect_of(self.path, self.encoding)
            if dialect.delimiter != ",":
                found.append(f"cells are told apart by {dialect.name}s")
        if self.kind is Kind.TEXT:
            found.append(plain_text.BY_LINES if self._is_text_by_lines else plain_text.REMARK)
        return found

    @property
    def _is_text_by_lines(self) -> bool:
        return not plain_text.has_paragraphs(self.path, self.encoding)

    def rows(self) -> Iterator[RawRow | BadRow]:
        """Every row as it stands there. Raises DataError."""
        if self.kind is Kind.PARQUET:
            return columnar.parquet_rows(self.path)
        if self.kind is Kind.ARROW:
            return columnar.arrow_rows(self.path)
        if self.kind is Kind.DELIMITED:
            return delimited.delimited_rows(self.path, self.encoding)
        if self.kind is Kind.TEXT:
            return plain_text.text_rows(self.path, self.encoding, self._is_text_by_lines)
        return json_rows.json_rows(self.path, self.encoding, self.is_by_lines)

    @property
    def is_by_lines(self) -> bool:
        """Whether each line that is not blank is a row, so that one can be had without understanding those before."""
        return self.kind is Kind.JSON_LINES

    def lines(self) -> Iterator[Line]:
        """The lines that are rows, of a file that is by lines."""
        return (line for line in read_lines(self.path, self.encoding) if line.text.strip())

    def count(self) -> int | None:
        """How many rows there are, where that is cheap to know."""
        if self.kind is Kind.PARQUET:
            return columnar.parquet_count(self.path)
        return sum(1 for _ in self.lines()) if self.is_by_lines else None


def open_container(path: Path, key: str, encoding: str | None = None) -> Container:
    """Look at a file; `key` is the setting that names it, `encoding` what the preset says of it. Raises DataError."""
    require_file(path, key)
    status = path.stat()
    return _looked_at(path, encoding, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=16)
def _looked_at(path: Path, encoding: str | None, *_content: int) -> Container:
    """The whole file is read for its encoding: once, until it is another."""
    head = magic(path)
    if head.startswith(b"PAR1"):
        return Container(path, Kind.PARQUET)
    if head.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return Container(path, Kind.ARROW)
    ending = _ending(path)
    if ending in (".parquet", ".arrow", ".feather"):
        raise DataError(
            f"{path}: not a readable {ending[1:].capitalize()} file (it begins otherwise).", "Write it again."
        )
    found = encoding_of(path, encoding)
    first = _first_line(path, found)
    return Container(path, _kind(path, first, ending, found), found)


def _ending(path: Path) -> str:
    """The ending of a name without that of the packing, in small letters."""
    name = path.name.lower()
    for packed in PACKED_ENDINGS:
        name = name.removesuffix(packed)
    return Path(name).suffix


def _first_line(path: Path, encoding: Encoding) -> str:
    """The first line that is not blank; empty in an empty file."""
    lines = read_lines(path, encoding)
    return next((line.text for line in lines if line.text.strip()), "")


def _kind(path: Path, first: str, ending: str, encoding: Encoding) -> Kind:
    text = first.lstrip("\ufeff \t")
    if text.startswith(("{", "[")) and (ending not in (".txt", ".md", ".csv", ".tsv") or _is_object(text)):
        if json_rows.is_by_lines(text):
            return Kind.JSON_LINES
        is_lines = ending in (".jsonl", ".ndjson") and not json_rows.is_whole(path, encoding)
        return Kind.JSON_LINES if is_lines else Kind.JSON
    if ending in (".jsonl", ".ndjson"):
        return Kind.JSON_LINES
    if ending == ".json":
        return Kind.JSON
    if ending in (".csv", ".tsv"):
        return Kind.DELIMITED
    if ending in (".txt", ".md", ".text", ".markdown"):
        return Kind.TEXT
    if not text:
        return Kind.JSON_LINES
    raise DataError(
        f"{path} is no data file: it holds no JSON, and its name says nothing else.", f"Known are {KNOWN}."
    )


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
