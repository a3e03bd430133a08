"""Files are replaced whole, and in one place of the program."""

from __future__ import annotations

import re
import resource
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import runner
import tui
from runner.atomic_write import replace_file


@pytest.fixture
def small_files() -> Iterator[int]:
    """No file of this process can be larger than so many bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    yield 1000
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_reader_sees_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    versions = [bytes([digit]) * 50_000 for digit in b"0123456789"]
    replace_file(path, versions[0])
    seen, done = set(), threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for version in versions * 30:
        replace_file(path, version)
    done.set()
    reader.join()
    assert len(seen) > 1
    assert seen <= set(versions)
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_it_is_its_owners_alone_unless_said_otherwise(tmp_path: Path) -> None:
    replace_file(tmp_path / "a", b"1")
    replace_file(tmp_path / "b", b"1", 0o644)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in "ab"] == [0o600, 0o644]


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"mine")
    link = tmp_path / "state.json"
    link.symlink_to(elsewhere)
    replace_file(link, b"new")
    assert (elsewhere.read_bytes(), link.read_bytes(), link.is_symlink()) == (b"mine", b"new", False)


def test_a_full_disk_leaves_the_old_one_and_nothing_else(tmp_path: Path, small_files: int) -> None:
    path = tmp_path / "state.json"
    replace_file(path, b"old")
    with pytest.raises(OSError):
        replace_file(path, b"x" * (2 * small_files))
    assert path.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


@pytest.mark.parametrize(
    ("what", "place"),
    [
        (r"\bflock\(", "store/locks.py"),
        (r"mkstemp\(|NamedTemporaryFile\(|\.tmp[\"']", "atomic_write.py"),
        (r"\.replace\(path\)|os\.replace\(", "atomic_write.py"),
    ],
)
def test_it_is_done_in_one_place(what: str, place: str) -> None:
    roots = [Path(package.__file__ or "").parent for package in (runner, tui)]
    found = [
        str(path.relative_to(root))
        for root in roots
        for path in sorted(root.rglob("*.py"))
        if re.search(what, path.read_text(encoding="utf-8"))
    ]
    assert found == [place]
