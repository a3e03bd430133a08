"""Small disks and read-only folders, made by mounting; where that is not allowed, a test is skipped."""

from __future__ import annotations

import contextlib
import os
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
    with _mounted(folder, "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs"):
        yield Disk(folder)


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing below the folder can be written by its path; what is open already still can."""
    with _mounted(folder, "--bind", str(folder)):
        _done("mount", "-o", "remount,bind,ro", str(folder))
        yield


@contextlib.contextmanager
def _mounted(folder: Path, *how: str) -> Iterator[None]:
    """Mount something; it is gone with the tests, however they end: else the next ones could not empty their folder."""
    _done("mount", *how, str(folder))
    # Not by its argument: what names a folder of a test is killed at the end of that.
    guard = subprocess.Popen(
        ["/bin/sh", "-c", 'read -r _; umount --lazy "$FTUI_MOUNTED"'],
        stdin=subprocess.PIPE,
        env={**os.environ, "FTUI_MOUNTED": str(folder)},
        start_new_session=True,
    )
    try:
        yield
    finally:
        guard.communicate()


def _done(*command: str) -> None:
    try:
        subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    except FileNotFoundError:
        pytest.skip(f"{command[0]} is not installed")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"{command[0]} is not allowed here: {error.stderr.strip()}")
