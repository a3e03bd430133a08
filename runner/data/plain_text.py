"""Rows out of a text without any structure: one for each paragraph, or for each line where there are no paragraphs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from runner.data.encoding import Encoding
from runner.data.lines import read_lines
from runner.data.raw import BadRow, RawRow

REMARK = "plain text: each paragraph is a row"
BY_LINES = "plain text without paragraphs: each line is a row"


def has_paragraphs(path: Path, encoding: Encoding) -> bool:
    """Whether blank lines divide the text."""
    seen = blank = False
    for line in read_lines(path, encoding):
        if line.text.strip():
            if blank:
                return True
            seen = True
        else:
            blank = seen
    return False


def text_rows(path: Path, encoding: Encoding, by_lines: bool) -> Iterator[RawRow | BadRow]:
    """Every paragraph, or every line that is not blank, as {"text": …}."""
    block: list[str] = []
    begins, problem = 0, ""
    for line in read_lines(path, encoding):
        if line.text.strip():
            begins = begins if block else line.number
            problem = problem or line.problem
            block.append(line.text.rstrip())
        if block and (by_lines or not line.text.strip()):
            yield _row(block, begins, problem)
            block, problem = [], ""
    if block:
        yield _row(block, begins, problem)


def _row(block: list[str], begins: int, problem: str) -> RawRow | BadRow:
    return BadRow(0, problem, begins, block[0]) if problem else {"text": "\n".join(block)}
