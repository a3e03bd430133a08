"""Small disks and read-only folders, made by mounting; where that is not allowed, a test is skipped."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

PAGE = 4096


class Disk:
    """A file system of its own size."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> None:
        """Leave nothing free."""
        with (self.folder / "filler").open("ab", buffering=0) as file:
            for size in (1 << 16, PAGE, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(b"x" * size)

    def free(self) -> None:
        (self.folder / "filler").unlink()

    @staticmethod
    def reserve(path: Path, size: int) -> None:
        """Room that only this file can grow into."""
        _done("fallocate", "--keep-size", "--length", str(path.stat().st_size + size), str(path))


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Disk]:
    folder.mkdir(parents=True, exist_ok=True)
    _done("mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(folder))
    try:
        yield Disk(folder)
    finally:
        _done("umount", "--lazy", str(folder))


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing below the folder can be written by its path; what is open already still can."""
    _done("mount", "--bind", str(folder), str(folder))
    try:
        _done("mount", "-o", "remount,bind,ro", str(folder))
        yield
    finally:
        _done("umount", "--lazy", str(folder))


def _done(*command: str) -> None:
    try:
        subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    except FileNotFoundError:
        pytest.skip(f"{command[0]} is not installed")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"{command[0]} is not allowed here: {error.stderr.strip()}")
