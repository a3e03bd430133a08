"""Rows out of JSON, told apart by what stands in the file: an object a line, one list, objects over several lines, a
list for each column, or one object around the list of rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from runner.data.encoding import Encoding
from runner.data.errors import DataError
from runner.data.lines import Line, read_lines, read_text
from runner.data.raw import BadRow, RawRow
from runner.preset.reading import COLUMNS

# Where the one list of turns of a file of bare conversations goes.
TURNS = "messages"


def json_rows(path: Path, encoding: Encoding, by_lines: bool) -> Iterator[RawRow | BadRow]:
    """Every row of a file of JSON. Raises DataError when there are no rows in it as a whole."""
    if by_lines:
        return (parse_line(line) for line in _filled(path, encoding))
    return _whole(path, read_text(path, encoding))


def is_by_lines(first: str) -> bool:
    """Whether the first line of a file that is not blank is a row by itself."""
    try:
        value = json.loads(first)
    except (ValueError, RecursionError):
        return False
    if isinstance(value, list):
        return _is_turns(value)
    return not (isinstance(value, dict) and _inner_rows(value) is not None)


def is_whole(path: Path, encoding: Encoding) -> bool:
    """Whether a file that is called .jsonl, and whose first line is no row, is JSON as a whole: one list of rows, or
    objects over several lines. If not, that line is a spoilt one.
    """
    lines = [line.text for line, _ in zip(_filled(path, encoding), range(2), strict=False)]
    try:
        value = json.loads(lines[0])
    except (ValueError, RecursionError):
        try:
            return bool(_values(read_text(path, encoding)))
        except (ValueError, RecursionError, DataError):
            return False
    inner = value if isinstance(value, list) else [value]
    return len(lines) == 1 and all(isinstance(one, dict) for one in inner)


def _filled(path: Path, encoding: Encoding) -> Iterator[Line]:
    return (line for line in read_lines(path, encoding) if line.text.strip())


def parse_line(line: Line) -> RawRow | BadRow:
    """One line that is a row."""
    if line.problem:
        return BadRow(0, line.problem, line.number, printable(line.text))
    try:
        value = json.loads(line.text)
    except (ValueError, RecursionError) as error:
        return BadRow(0, f"not JSON ({error})", line.number, line.text)
    return _row(value, line)


def _row(value: Any, line: Line | None = None) -> RawRow | BadRow:
    if isinstance(value, dict):
        return value
    if _is_turns(value):
        return {TURNS: value}
    number, text = (line.number, line.text) if line is not None else (None, "")
    return BadRow(0, f"{type(value).__name__}, not an object", number, text)


def _is_turns(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(turn, dict) and ("role" in turn or "from" in turn) for turn in value)
    )


def _whole(path: Path, text: str) -> Iterator[RawRow | BadRow]:
    try:
        values = _values(text)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{path}: not JSON ({error}).", "It should be an object a line, or one list of objects."
        ) from None
    if len(values) > 1:
        yield from (_row(value) for value in values)
        return
    value = values[0] if values else []
    if isinstance(value, dict):
        inner = _inner_rows(value)
        value = [value] if inner is None else inner
    if not isinstance(value, list):
        raise DataError(f"{path}: {type(value).__name__}, not a list of rows.", "It should be [{…}, {…}].")
    yield from (_row(one) for one in value)


def _values(text: str) -> list[Any]:
    """The values of a text one behind the other, with or without commas between them. Raises ValueError."""
    decoder, place, found = json.JSONDecoder(), 0, []
    while place < len(text):
        if text[place].isspace() or text[place] == ",":
            place += 1
            continue
        value, place = decoder.raw_decode(text, place)
        found.append(value)
    return found


def _inner_rows(value: Mapping[str, Any]) -> list[Any] | None:
    """The rows in one object that is none itself: {"data": [{…}, …]}, or a list for each column, all equally long."""
    lists = {key: one for key, one in value.items() if isinstance(one, list)}
    if len(lists) == 1:
        ((name, inner),) = lists.items()
        is_row = _is_turns(inner) or any(key in COLUMNS for key in value if key != name)
        if inner and not is_row and all(isinstance(one, dict) for one in inner):
            return inner
    lengths = {len(one) for one in lists.values()}
    if (
        len(lists) > 1
        and len(lists) == len(value)
        and len(lengths) == 1
        and not any(map(_is_turns, lists.values()))
    ):
        return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]
    return None


def printable(text: str) -> str:
    """A text with bytes that are none shown as �, for reading only."""
    return text.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="replace")
