"""Lines: written whole, read past torn tails, garbage and truncation."""

from __future__ import annotations

import errno
import json
import math
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.store import jsonl
from runner.store.jsonl import PASSING, LineTail, LineWriter

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(st.lists(st.dictionaries(st.text(min_size=1, max_size=8), values, max_size=4), max_size=8))
def test_what_is_written_is_read(tmp_path_factory, records) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path_factory.mktemp("lines") / "a.jsonl"
    with LineWriter(path) as writer:
        for record in records:
            writer.append(record)
    for line in path.read_bytes().splitlines():
        json.loads(line, parse_constant=lambda name: (_ for _ in ()).throw(ValueError(name)))
    assert len(LineTail(path).read_all()) == len(records)


@given(st.binary(max_size=300), st.integers(1, 40))
def test_any_bytes_in_any_pieces_are_read_the_same(tmp_path_factory, data: bytes, piece: int) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path_factory.mktemp("bytes")
    whole, growing = folder / "whole", folder / "growing"
    whole.write_bytes(data)
    at_once = LineTail(whole)
    expected = at_once.read_all()
    tail, found = LineTail(growing), []
    with growing.open("ab", buffering=0) as stream:
        for start in range(0, len(data), piece):
            stream.write(data[start : start + piece])
            found += tail.read()
    assert repr(found) == repr(expected)
    assert tail.bad_lines == at_once.bad_lines


def test_a_torn_tail_is_not_yet(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a":1}\n{"a":')
    tail = LineTail(path)
    assert tail.read_all() == [{"a": 1}]
    with path.open("a") as stream:
        stream.write("2}\n")
    assert tail.read_all() == [{"a": 2}]
    assert tail.bad_lines == 0


def test_garbage_is_counted_and_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a":1}\nnonsense\n\xff\xfe\n[1]\n\n{"a":2}\n')
    tail = LineTail(path)
    assert tail.read_all() == [{"a": 1}, {"a": 2}]
    assert tail.bad_lines == 3


def test_a_writer_ends_the_line_another_left_torn(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a":1}\n{"tor')
    with LineWriter(path) as writer:
        writer.append({"a": 2})
    tail = LineTail(path)
    assert tail.read_all() == [{"a": 1}, {"a": 2}]
    assert tail.bad_lines == 1


def test_a_replaced_file_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a":1}\n{"a":2}\n')
    tail = LineTail(path)
    tail.read_all()
    path.write_text('{"b":1}\n')
    assert tail.read_all() == [{"b": 1}]
    assert tail.restarts == 1


@pytest.mark.parametrize("more", [0, 1, 40])
def test_a_file_emptied_and_written_anew_between_two_looks_is_read_whole(tmp_path: Path, more: int) -> None:
    path = tmp_path / "events.jsonl"
    first = [{"step": step, "loss": 2.0} for step in range(1, 9)]
    second = [{"step": step, "loss": 1.0} for step in range(9, 17 + more)]
    path.write_bytes(b"".join(json.dumps(one).encode() + b"\n" for one in first))
    tail = LineTail(path)
    assert tail.read_all() == first
    inode = path.stat().st_ino
    path.write_bytes(b"".join(json.dumps(one).encode() + b"\n" for one in second))
    assert path.stat().st_ino == inode
    assert path.stat().st_size >= tail.offset
    assert tail.read_all() == second
    assert (tail.restarts, tail.bad_lines) == (1, 0)


def test_non_finite_numbers_survive(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with LineWriter(path) as writer:
        writer.append({"x": [math.nan, math.inf, -math.inf]})
    (record,) = LineTail(path).read_all()
    read = [float(value) for value in record["x"]]
    assert math.isnan(read[0])
    assert read[1:] == [math.inf, -math.inf]


def test_a_missing_file_has_no_lines(tmp_path: Path) -> None:
    assert LineTail(tmp_path / "none").read_all() == []


class Disk:
    """os.write on a disk that takes so many more bytes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int, code: int = errno.ENOSPC) -> None:
        self.room, self._code, self._real = room, code, os.write
        monkeypatch.setattr(os, "write", self)

    def __call__(self, fd: int, data: bytes) -> int:
        if not self.room:
            raise OSError(self._code, os.strerror(self._code))
        taken = self._real(fd, data[: self.room])
        self.room -= taken
        return taken


@pytest.mark.parametrize("room", [0, 1, 5, 11, 12, 30])
@pytest.mark.parametrize("code", sorted(PASSING))
def test_a_patient_writer_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int, code: int
) -> None:
    path = tmp_path / "lines.jsonl"
    writer = LineWriter(path, patient=True)
    disk = Disk(monkeypatch, room, code)
    for number in range(10):
        writer.append({"step": number})
    before = LineTail(path).read_all()
    assert before == [{"step": number} for number in range(len(before))]
    assert len(before) == room // len('{"step":0}\n')
    disk.room = 1 << 20
    writer.append({"step": 10})
    writer.close()
    tail = LineTail(path)
    assert tail.read_all() == [{"step": number} for number in range(11)]
    # A half line that was there is ended and counted, never joined with the next.
    assert tail.bad_lines <= 1


def test_a_patient_writer_is_not_patient_with_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = LineWriter(tmp_path / "lines.jsonl", patient=True)
    Disk(monkeypatch, 0, errno.EBADF)
    with pytest.raises(OSError, match="Bad file descriptor"):
        writer.append({"step": 1})


def test_closing_makes_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = LineWriter(tmp_path / "lines.jsonl", patient=True)
    disk = Disk(monkeypatch, 0)
    writer.append({"step": 1})
    disk.room = 100
    writer.close()
    assert LineTail(tmp_path / "lines.jsonl").read_all() == [{"step": 1}]


def test_closing_waits_for_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = LineWriter(tmp_path / "lines.jsonl", patient=True)
    disk = Disk(monkeypatch, 0)
    writer.append({"step": 1})
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        disk.room = 100 * (len(waits) == 3)

    monkeypatch.setattr(time, "sleep", wait)
    writer.close()
    assert len(waits) == 3
    assert LineTail(tmp_path / "lines.jsonl").read_all() == [{"step": 1}]


def test_closing_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = LineWriter(tmp_path / "lines.jsonl", patient=True)
    Disk(monkeypatch, 0)
    writer.append({"step": 1})
    monkeypatch.setattr(jsonl, "LAST_WORDS_SECONDS", 1.5)
    started = time.monotonic()
    writer.close()
    assert 1 < time.monotonic() - started < 10


def test_what_cannot_be_taken_does_not_keep_it_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    writer = LineWriter(folder / "lines.jsonl", patient=True)
    disk = Disk(monkeypatch, 0)
    writer.append({"step": 1})
    (folder / "lines.jsonl").unlink()
    folder.rmdir()
    disk.room = 100
    writer.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(writer._fd)
