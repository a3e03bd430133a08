"""Files of a checkpoint that were cut short (by a power cut, a full disk, a copy that was interrupted), or spoiled."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import BinaryIO

from runner import safe_open

MOST_HEADER_BYTES = 100 * 1024 * 1024
TORCH_FILES = ("*.pt", "*.pth", "*.bin")
PICKLE_START = b"\x80"
ZIP_START, ZIP_END, ZIP_END_BYTES = b"PK\x03\x04", b"PK\x05\x06", 22


def is_cut_short(path: Path) -> bool:
    """Whether a file is missing, empty, or not as long as it says of itself; looks at its start and its end alone.

    Known are safetensors (a length of eight bytes, a header with the offsets of all tensors, the tensors; the format's
    README) and what torch.save writes, a zip file, whose list of contents comes last.
    """
    try:
        with safe_open.open_binary(path) as file:
            size = os.fstat(file.fileno()).st_size
            if path.suffix == ".safetensors":
                return _safetensors_bytes(file, size) != size
            if path.suffix in (".pt", ".pth", ".bin"):
                return not _is_whole_zip(file, size)
            return size == 0
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return True


def spoiled(folder: Path) -> list[str]:
    """Files that torch saved and that do not hold what was saved, in words: it writes zip files with a checksum of each
    part. Reads them whole.
    """
    return [
        f"{path.name} is not what was saved"
        for pattern in TORCH_FILES
        for path in sorted(folder.glob(pattern))
        if not _is_sound_zip(path)
    ]


def _is_sound_zip(path: Path) -> bool:
    try:
        with safe_open.open_binary(path) as file:
            if file.read(1) == PICKLE_START:
                return True
            with zipfile.ZipFile(file) as archive:
                return archive.testzip() is None
    except Exception:
        # What a spoiled file has zipfile raise: BadZipFile, zlib.error, EOFError, RuntimeError ("is encrypted") …
        return False


def _safetensors_bytes(file: BinaryIO, size: int) -> int:
    """How long the file should be. Raises ValueError and others for what is no header."""
    length = int.from_bytes(file.read(8), "little")
    if length > min(size, MOST_HEADER_BYTES):
        raise ValueError("a header longer than its file")
    header = json.loads(file.read(length))
    ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
    return 8 + length + max(ends, default=0)


def _is_whole_zip(file: BinaryIO, size: int) -> bool:
    start = file.read(len(ZIP_START))
    if start[:1] == PICKLE_START:
        # As torch.save once wrote; it does not tell its length.
        return True
    if start != ZIP_START:
        return False
    file.seek(max(0, size - ZIP_END_BYTES))
    return file.read(len(ZIP_END)) == ZIP_END
