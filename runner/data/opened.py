"""Opening a data file: what is none is refused in words at once, and what is compressed is unpacked as it is read."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import zlib
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

from runner import safe_open
from runner.data.errors import DataError

KNOWN = ".jsonl, .json, .csv, .tsv, .parquet, .arrow, .txt, .md, each also as .gz, .bz2, .xz or .zst"

# What a file begins with -> its kind.
PACKED = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zst"}
ARCHIVES = {
    b"PK\x03\x04": "a zip archive or an office document",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7z archive",
}
ARCHIVES |= {
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old office document",
    b"SQLite format 3": "a database",
}
MAGIC_BYTES = 16
# What a truncated or damaged compressed file raises as it is read.
UNPACKING_ERRORS = (EOFError, OSError, lzma.LZMAError, zlib.error)


def require_file(path: Path, key: str) -> None:
    """Raises DataError for whatever is no readable file, without waiting for it; `key` is the setting that names it."""
    try:
        status = path.stat()
    except FileNotFoundError:
        raise DataError(f"{path} does not exist.", f"Check {key} in the preset.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.", f"Check {key} in the preset.") from None
    if stat.S_ISREG(status.st_mode):
        if not os.access(path, os.R_OK):
            raise DataError(f"{path} cannot be read: no permission.", f"chmod u+r {path}")
        return
    target = f"{path} is a link to {path.resolve()}, which is" if path.is_symlink() else f"{path} is"
    if stat.S_ISDIR(status.st_mode):
        raise DataError(f"{target} a folder, no data file.", _of_folder(path))
    kind = "a pipe" if stat.S_ISFIFO(status.st_mode) else "a device" if _is_device(status) else "a socket"
    raise DataError(f"{target} {kind}, no file: it is read several times.", "Write the rows to a file first.")


def _is_device(status: os.stat_result) -> bool:
    return stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode)


def _of_folder(path: Path) -> str:
    """What to do with a folder: one saved by the library datasets has its rows in .arrow files."""
    inside: list[str] = []
    with suppress(OSError):
        inside = sorted(one.name for one in os.scandir(path))
    rows = [name for name in inside if name.endswith((".arrow", ".parquet", ".jsonl", ".json", ".csv"))]
    rows = [name for name in rows if name not in ("state.json", "dataset_info.json", "dataset_dict.json")]
    if len(rows) == 1:
        return f"Name the file in it: {path / rows[0]}"
    if rows:
        return f"Name one of its files, or several as a list in data.train_dataset: {', '.join(rows[:3])} …"
    if "dataset_dict.json" in inside:
        return "It was saved by datasets with several splits: name the .arrow file in one of its folders."
    return f"Name a file: {KNOWN}."


def magic(path: Path) -> bytes:
    """The first bytes of a file, unpacked. Raises DataError when it cannot be read, or is an archive."""
    with open_bytes(path) as stream:
        try:
            return stream.read(MAGIC_BYTES)
        except UNPACKING_ERRORS as error:
            raise damaged(path, error) from None


def open_bytes(path: Path) -> BinaryIO:
    """The bytes of a file, unpacked where it is compressed. Raises DataError."""
    try:
        stream = safe_open.open_binary(path)
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror}.", "Check its path and permissions."
        ) from None
    head = stream.read(MAGIC_BYTES)
    stream.seek(0)
    for begins, what in ARCHIVES.items():
        if head.startswith(begins):
            stream.close()
            raise DataError(f"{path} is {what}, no data file.", f"Unpack or export it: {KNOWN}.")
    packed = next((kind for begins, kind in PACKED.items() if head.startswith(begins)), None)
    if packed is None:
        return stream
    stream.close()
    return _unpacked(path, packed)


def _unpacked(path: Path, kind: str) -> BinaryIO:
    # By path: what is given a stream leaves it open.
    if kind == "gz":
        return cast(BinaryIO, gzip.open(path, "rb"))
    if kind == "bz2":
        return cast(BinaryIO, bz2.open(path, "rb"))
    if kind == "xz":
        return cast(BinaryIO, lzma.open(path, "rb"))
    try:
        import pyarrow
    except ImportError:
        raise DataError(
            f"{path} is packed by zstd, which is read by pyarrow.", "pip install '.[train]'"
        ) from None
    return cast(BinaryIO, io.BufferedReader(pyarrow.CompressedInputStream(pyarrow.OSFile(str(path)), "zstd")))


def damaged(path: Path, error: Exception) -> DataError:
    """What to say of a file whose bytes end or break off as they are unpacked."""
    return DataError(f"{path}: {error or type(error).__name__}.", "The file is damaged or cut short.")
