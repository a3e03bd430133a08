"""rows.jsonl: the rows of a step found by halving, whatever else the file holds."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.store.directory import RunDirectory
from runner.store.rows import RowName, rows_of

Steps = list[tuple[int, list[RowName]]]


def line(step: Any, rows: Any) -> bytes:
    return json.dumps({"step": step, "rows": rows}, separators=(",", ":")).encode() + b"\n"


def run_with(folder: Path, content: bytes) -> RunDirectory:
    run = RunDirectory(folder)
    run.rows.write_bytes(content)
    return run


def rows_at(step: int, turn: int = 0, count: int = 16) -> list[RowName]:
    return [(turn, 1000 * step + i) for i in range(count)]


def written(steps: list[int], turn: int = 0, count: int = 16) -> bytes:
    return b"".join(line(s, rows_at(s, turn, count)) for s in steps)


def test_a_missing_file_has_no_rows(tmp_path: Path) -> None:
    assert rows_of(RunDirectory(tmp_path), [1]) == {}
    assert rows_of(run_with(tmp_path, b""), [1]) == {}


def test_every_step_of_thousands_is_found(tmp_path: Path) -> None:
    run = run_with(tmp_path, written(list(range(1, 5001))))
    assert rows_of(run, range(1, 5001)) == {s: rows_at(s) for s in range(1, 5001)}
    assert rows_of(run, [0, -1, 5001, 10**9]) == {}


@pytest.mark.parametrize(
    "parts",
    [
        [(1, 5000), (4900, 5200)],
        [(1, 5000), (3000, 5200)],
        [(1, 5000), (1, 5200)],
        [(1, 3000), (2000, 4000), (2500, 2600), (1500, 5000), (4900, 5200)],
    ],
)
def test_steps_made_again_after_resumes_are_found(tmp_path: Path, parts: list[tuple[int, int]]) -> None:
    """Which of their records is not said: the order of rows depends on seed and epoch alone (order.py)."""
    run = run_with(tmp_path, b"".join(written(list(range(first, last + 1))) for first, last in parts))
    asked = [*range(1, 5201, 13), 5200]
    assert rows_of(run, asked) == {s: rows_at(s) for s in asked}
    assert rows_of(run, [0, 5201]) == {}


def test_steps_of_many_rows(tmp_path: Path) -> None:
    """A packed step of an effective batch of thousands is a line of a hundred kilobytes."""
    run = run_with(tmp_path, written(list(range(1, 9)), count=8_000))
    assert rows_of(run, range(1, 9)) == {s: rows_at(s, 0, 8_000) for s in range(1, 9)}


garbage = st.binary(max_size=40).map(lambda data: data.replace(b"\n", b" ") + b"\n") | st.sampled_from(
    [
        b"\n",
        b"nonsense\n",
        b"[1]\n",
        b'{"step":true,"rows":[[0,1]]}\n',
        b'{"step":3.5,"rows":[[0,1]]}\n',
        b'{"step":null}\n',
        b'{"step":3,"ro\n',
        b'{"rows":[[0,1]]}\n',
    ]
)


@given(st.data(), st.integers(0, 120))
def test_garbage_between_is_passed_over(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, n: int
) -> None:
    content = b""
    for s in range(1, n + 1):
        content += line(s, rows_at(s, count=2))
        if data.draw(st.integers(0, 3)) == 0:
            content += data.draw(garbage)
    torn = line(n + 1, rows_at(n + 1))[: data.draw(st.integers(0, 30))]
    run = run_with(tmp_path_factory.mktemp("rows"), content + torn)
    assert rows_of(run, range(n + 3)) == {s: rows_at(s, count=2) for s in range(1, n + 1)}


@pytest.mark.parametrize(
    "rows", [None, 7, "ab", {}, [["a", "b"]], [[None, 1]], [[0, 1e400]], [[0, "NaN"]], [[[], 1]], [[0]], [5]]
)
def test_rows_that_are_none_are_no_error(tmp_path: Path, rows: Any) -> None:
    run = run_with(tmp_path, line(1, [[0, 1]]) + line(2, rows) + line(3, [[0, 3]]))
    found = rows_of(run, [1, 2, 3])
    assert (found[1], found[3]) == ([(0, 1)], [(0, 3)])
    assert not found.get(2)


class Counted(io.FileIO):
    """A file that counts what is read of it."""

    taken = 0

    def readinto(self, buffer: Any) -> int:
        count = super().readinto(buffer)
        Counted.taken += count or 0
        return count or 0


def test_little_of_a_long_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_with(tmp_path, written(list(range(1, 200_001)), count=4))
    size = run.rows.stat().st_size
    monkeypatch.setattr(Path, "open", lambda path, mode: io.BufferedReader(Counted(str(path))))
    assert rows_of(run, [1, 77_777, 200_000]) == {s: rows_at(s, count=4) for s in (1, 77_777, 200_000)}
    assert size > 10_000_000
    assert Counted.taken < 0.1 * size
