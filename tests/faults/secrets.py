"""Secrets in the environment of a test, and where they stand afterwards."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from runner.redaction.environment import spellings

TOKEN = "hf_" + "aB3" * 12
KEY = "0123456789abcdef" * 2 + "deadbeef"
ESCAPED = "pa\"ss\\w0rd'é"

Secret = Callable[[str, str], None]


def pieces(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below a folder, and every member of those that are archives, as .bin and .pt are."""
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        yield str(path.relative_to(folder)), path.read_bytes()
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                yield from ((f"{path.name}:{name}", archive.read(name)) for name in archive.namelist())


def holders(folder: Path, value: str) -> list[str]:
    """Where a value stands, however it is written."""
    sought = [spelling.encode() for spelling in spellings(value)]
    return [name for name, data in pieces(folder) if any(one in data for one in sought)]
