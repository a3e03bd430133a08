"""The lines of a text file, each with its number, decoded strictly: a byte that is no text makes a bad row."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from runner.data.encoding import Encoding
from runner.data.errors import DataError
from runner.data.opened import UNPACKING_ERRORS, open_bytes


class Line(NamedTuple):
    """A line of a file: its number from 1, its text without the end, and what is wrong with its bytes."""

    number: int
    text: str
    problem: str = ""


def read_lines(path: Path, encoding: Encoding) -> Iterator[Line]:
    """Every line, blank ones included. Raises DataError when the file is cut short or damaged as a compressed one."""
    number = 0
    try:
        with io.TextIOWrapper(open_bytes(path), encoding.name, errors="surrogateescape") as stream:
            for number, ended in enumerate(stream, start=1):
                text = ended.rstrip("\n")
                problem = "" if text.isascii() else undecoded(text, encoding.name)
                yield Line(number, text, problem)
    except (*UNPACKING_ERRORS, UnicodeError) as error:
        raise DataError(
            f"{path}, after line {number}: {error or type(error).__name__}.",
            "The file is damaged or cut short.",
        ) from None


def read_text(path: Path, encoding: Encoding) -> str:
    """The whole text. Raises DataError naming the first byte that is none."""
    lines = []
    for line in read_lines(path, encoding):
        if line.problem:
            raise DataError(f"{path}, line {line.number}: {line.problem}.", "Save the file as UTF-8.")
        lines.append(line.text)
    return "\n".join(lines)


def undecoded(text: str, encoding: str) -> str:
    """What is wrong with bytes that are no text in this encoding; empty for none."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        byte = ord(text[error.start]) - 0xDC00
        return f"byte {byte:#04x} at character {error.start + 1} is not {encoding.upper()}"
    return ""
