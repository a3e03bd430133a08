"""manifest.json in a checkpoint: what its files were when it was written, so that what became of them since is seen.

A disk, a copy or a program can change bytes and leave a file's length as it was. XXH3 (128 bits) runs at the speed of
memory; it is for accidents, and no proof against an attacker, who could write the manifest too.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import xxhash

from runner import atomic_write, safe_open
from runner.store.jsonl import loads

NAME = "manifest.json"
PIECE_BYTES = 1 << 22


def write(folder: Path) -> None:
    """Write down all regular files of a folder, after they are written. When it returns, they and what it wrote are on
    the disk: a power cut leaves them whole. Raises OSError.
    """
    files = {
        path.name: _measured(path, durable=True) for path in sorted(folder.iterdir()) if _is_listed(path)
    }
    text = json.dumps({"schema": 1, "hash": "xxh3_128", "files": files}, indent=1)
    atomic_write.replace_file(folder / NAME, text.encode() + b"\n")
    for path in (folder / NAME, folder, folder.parent):
        _sync(path)


def harm(folder: Path) -> list[str]:
    """What is not as it was written down, in words that name the files; empty when all is, or when nothing was written
    down. Reads the files whole: a gigabyte takes about a second.
    """
    try:
        content = safe_open.read_bytes(folder / NAME)
    except FileNotFoundError:
        return []
    except OSError as error:
        return [f"{NAME} cannot be read ({error.strerror})"]
    try:
        files = _listed(loads(content))
    except (ValueError, RecursionError):
        return [f"{NAME} is torn"]
    return [words for name, was in files.items() if (words := _difference(folder / name, was))]


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _is_listed(path: Path) -> bool:
    return path.name != NAME and path.is_file() and not path.is_symlink()


def _measured(path: Path, durable: bool = False) -> dict[str, Any]:
    digest, size = xxhash.xxh3_128(), 0
    with safe_open.open_binary(path) as file:
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
            size += len(piece)
        if durable:
            os.fsync(file.fileno())
    return {"bytes": size, "digest": digest.hexdigest()}


def _listed(value: Any) -> dict[str, Any]:
    """{file name: {"bytes", "digest"}} of a manifest. Raises ValueError for what is none."""
    files = value.get("files") if isinstance(value, dict) else None
    if not isinstance(files, dict) or any(not name or "/" in name or name == ".." for name in files):
        raise ValueError("no manifest")
    return files


def _difference(path: Path, was: Any) -> str:
    try:
        return "" if _measured(path) == was else f"{path.name} is not what was saved"
    except FileNotFoundError:
        return f"{path.name} is missing"
    except (OSError, ValueError) as error:
        return f"{path.name!r} cannot be read ({error})"
