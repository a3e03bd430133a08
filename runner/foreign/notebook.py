"""Notebooks and pages that were saved with a Trainer's table in them; the last training in one is read."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from runner import safe_open
from runner.foreign import console
from runner.foreign.logbook import Events
from runner.foreign.printed import Printed
from runner.foreign.result_table import ResultTable, is_head
from runner.foreign.steps import find_steps
from runner.foreign.trace import Trace
from runner.store.jsonl import loads

PATTERNS = ("*.ipynb", "*.html", "*.htm")
MOST_BYTES = 256 << 20
Table = list[list[str]]


def find(path: Path) -> Notebook | None:
    """A notebook or a page with a training in it; in a folder the newest."""
    if path.is_dir():
        files = {file for pattern in PATTERNS for file in path.glob(pattern) if file.is_file()}
        newest = sorted(files, key=lambda file: file.stat().st_mtime, reverse=True)[:8]
    else:
        newest = [path] if path.suffix in (".ipynb", ".html", ".htm") else []
    return next((Notebook(file) for file in newest if _trainings(_read(file), file)), None)


class Notebook(Trace):
    """Reads a file again whenever it was saved."""

    kind = "notebook"
    is_of_trainer = True

    def __init__(self, path: Path) -> None:
        super().__init__(path, path.stem)
        self._version: tuple[int, ...] = ()

    def poll(self) -> Events:
        try:
            status = self.path.stat()
        except OSError:
            return []
        version = (status.st_ino, status.st_size, status.st_mtime_ns)
        if version == self._version:
            return []
        found = _trainings(_read(self.path), self.path)
        # Half a file, while it is being saved, is not yet.
        if not found:
            return []
        self._version = version
        self.book.reset()
        self.others = tuple(
            f"training {place} of {len(found)} in {self.path.name}" for place in range(1, len(found))
        )
        found[-1].tell(self)
        return self.book.take()


class _Training:
    """What one cell has put out: tables, and text."""

    def __init__(self, tables: list[Table], text: str) -> None:
        self._tables = [table for table in tables if table and is_head(table[0])]
        self._text = text
        self._printed = Printed()
        for line in text.split("\n"):
            console.read_line(line.encode(), self._printed)

    @property
    def is_one(self) -> bool:
        return any(len(table) > 1 for table in self._tables) or bool(self._printed.entries)

    def tell(self, trace: Trace) -> None:
        rows = ResultTable(trace.book)
        rows.see(self._text)
        if self._tables:
            # A cell that was run on shows its table again, longer.
            for row in max(self._tables, key=len):
                rows.take(row)
            trace.book.is_complete = rows.is_over
            return
        self._printed.total = self._printed.total or trace.book.facts.total_steps
        entries = self._printed.counting()
        trace.book.facts.set_total(self._printed.total or self._printed.training_total())
        for step, entry in zip(find_steps(entries, self._printed), entries, strict=True):
            trace.book.add(step, entry.logs)


def _trainings(data: bytes, path: Path) -> list[_Training]:
    if path.suffix != ".ipynb":
        found = [_of_page(data.decode("utf-8", errors="replace"))]
    else:
        found = [_of_cell(cell) for cell in _cells(data)]
    return [training for training in found if training.is_one]


def _read(path: Path) -> bytes:
    try:
        with safe_open.open_binary(path) as stream:
            return stream.read(MOST_BYTES)
    except OSError:
        return b""


def _cells(data: bytes) -> Iterator[dict[str, Any]]:
    try:
        notebook = loads(data)
    except (ValueError, RecursionError):
        return
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    for cell in cells if isinstance(cells, list) else []:
        if isinstance(cell, dict) and isinstance(cell.get("outputs"), list):
            yield cell


def _of_cell(cell: dict[str, Any]) -> _Training:
    tables: list[Table] = []
    texts = []
    for output in cell["outputs"]:
        if not isinstance(output, dict):
            continue
        data = output.get("data")
        for kind, value in (data if isinstance(data, dict) else {}).items():
            if kind == "text/html":
                page = _Page(_joined(value))
                tables += page.tables
                texts.append(page.text)
            elif kind == "text/plain":
                texts.append(_joined(value))
        texts.append(_joined(output.get("text")))
    return _Training(tables, "\n".join(texts))


def _of_page(text: str) -> _Training:
    page = _Page(text)
    return _Training(page.tables, page.text)


def _joined(value: object) -> str:
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""


class _Page(HTMLParser):
    """The tables of a page, and the text around them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[Table] = []
        self._pieces: list[str] = []
        self._cell: list[str] | None = None
        self.feed(text)
        self.close()
        self.text = " ".join("".join(self._pieces).split(" "))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.tables.append([])
        elif tag == "tr" and self.tables:
            self.tables[-1].append([])
        elif tag in ("td", "th") and self.tables and self.tables[-1]:
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._cell is not None:
            self.tables[-1][-1].append("".join(self._cell).strip())
            self._cell = None

    def handle_data(self, data: str) -> None:
        (self._pieces if self._cell is None else self._cell).append(data)
