"""Events read in blocks: the same history as line by line, whatever the file holds and however it grows."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runner.insight.train_curve import COLUMNS, StepTable
from runner.store.event_tail import EventTail
from runner.store.history import History, fold_all
from runner.store.jsonl import LineTail, LineWriter, parse_object
from tests.run.scenes import Event, evaluation, phase, step


def reference(data: bytes) -> tuple[History, int]:
    """The history of whole lines, read one after the other; and how many are no JSON objects."""
    history, bad = History(), 0
    for line in data.split(b"\n")[:-1]:
        if not line.strip():
            continue
        record = parse_object(line)
        if record is not None:
            history.fold(record)
        else:
            bad += 1
    return history, bad


def known(history: History) -> dict[str, Any]:
    """Everything a history knows, to be compared."""
    train = history.train
    parts = {name: getattr(train, name).tolist() for name in COLUMNS}
    rest = {k: v for k, v in vars(history).items() if k not in ("_steps", "row_losses")}
    rows = {name: {at: c.tolist() for at, c in s.items()} for name, s in history.row_losses.items()}
    # repr: NaN is NaN.
    return {name: repr(value) for name, value in {**parts, **rest, "row_losses": rows}.items()}


def read_in_pieces(path: Path, data: bytes, sizes: list[int], limit: int = 1 << 20) -> tuple[History, int]:
    """What is read while the file grows by pieces of these sizes, one after the other and over again."""
    path.write_bytes(b"")
    history, tail = History(), EventTail(path)
    at, turn = 0, 0
    with path.open("ab", buffering=0) as stream:
        while at < len(data):
            size = sizes[turn % len(sizes)]
            stream.write(data[at : at + size])
            at, turn = at + size, turn + 1
            while True:
                for event in tail.batch(limit):
                    history.fold(event)
                if not tail.has_more:
                    break
    assert tail.restarts == 0
    return history, tail.bad_lines


numbers: st.SearchStrategy[Any] = (
    st.integers(-3, 40)
    | st.integers(1, 40)
    | st.floats(0.5, 8).map(lambda x: round(x, 3))
    | st.sampled_from(
        [0, -0.0, 1e308, -1e308, 1e-320, 10**30, 10**400, 2**53 + 1, "NaN", "Infinity", "-Infinity"]
    )
    | st.sampled_from([None, True, False, "x", "", " 7 ", "1_0", [], {}, [1]])
)
NAMES = ("epoch", "loss", "lr", "grad_norm", "tokens", "step_s", "accuracy", "t", "more")
usual: st.SearchStrategy[Event] = st.builds(
    lambda n, loss, t: {**step(n, loss), "t": t}, st.integers(1, 40), st.floats(0.1, 5), st.floats(1e9, 2e9)
)
odd: st.SearchStrategy[Event] = st.builds(
    lambda n, more: {"type": "step", "step": n, **more},
    numbers,
    st.dictionaries(st.sampled_from(NAMES), numbers),
)
others: st.SearchStrategy[Event] = st.sampled_from(
    [
        phase("training"),
        phase("nonsense"),
        evaluation(10, 1.5, row_losses=[1.0, "NaN"]),
        {"type": "resume", "step": 5},
        {"type": "checkpoint", "step": 5},
        {"type": "warning", "id": "x", "message": "ä\u2028\u0085"},
        {"type": "end", "status": "failed"},
        {"step": 3, "loss": 1.0},
        {"type": ["step"], "step": 3},
        {"type": None},
        {},
    ]
)


def spelled(event: Event, turn: int, spaces: bool) -> bytes:
    """A record as JSON, its keys turned round by so many places."""
    keys = list(event)
    turned = {key: event[key] for key in keys[turn % len(keys) :] + keys[: turn % len(keys)]} if keys else {}
    return json.dumps(turned, separators=(", ", ": ") if spaces else (",", ":")).encode()


as_written: st.SearchStrategy[bytes] = st.builds(lambda e: spelled(e, 0, False), usual | odd | others)
by_hand: st.SearchStrategy[bytes] = st.builds(spelled, usual | odd | others, st.integers(0, 9), st.booleans())
garbage: st.SearchStrategy[bytes] = st.binary(max_size=20) | st.sampled_from(
    [
        b"",
        b"  ",
        b"[1]",
        b"7",
        b"null",
        b'"step"',
        b'{"type":"step","step":4',
        b'{"type":"step",\n"step":4}',
        b'{"type":"step","step":4} {"type":"step","step":5}',
        b'{"type":"step","step":4}{"type":"step","step":5}',
        b'{"type":"step","step":4},',
        b'{"type":"step","step":4,"loss":NaN}',
        b'{"type":"step","step":4,"loss":1e999}',
        b'{"type":"step","step":4,"more":"\xff"}',
        b'{"type":"step","step":4,"m\xff":1}',
        b'{"type":"step","step":4,"more":"\\ud800"}',
        b'{"type":"step","step":4,"step":6}',
        b'{"type":"step","type":"phase","step":4}',
        b'{"type":"step","step":4,"more":' + b"[" * 3000 + b"]" * 3000 + b"}",
        b"[" * 3000,
        b'\xef\xbb\xbf{"type":"step","step":4}',
        b'{"type":"step","step":' + b"9" * 5000 + b"}",
    ]
)
endings = st.sampled_from([b"\n"] * 6 + [b"\r\n", b"\n\n", b" \n", b"\r\r\n"])
lines = st.lists(st.tuples(as_written | as_written | by_hand | garbage, endings), max_size=30)
runs_of_steps = st.lists(usual, min_size=1, max_size=30).map(
    lambda events: [(spelled({**e, "step": i + 1}, 0, False), b"\n") for i, e in enumerate(events)]
)


@settings(max_examples=400)
@given(
    st.lists(lines | runs_of_steps, max_size=4),
    st.binary(max_size=8) | st.just(b'{"type":"step","st'),
    st.lists(st.integers(1, 400), min_size=1, max_size=5),
    st.sampled_from([3, 64, 1 << 20]),
)
@example([[(b'{"type":"step","step":4}{"type":"step","step":5}', b"\n")]], b"", [1000], 1 << 20)
@example([[(b'{"step":4,"loss":1}', b"\n")]], b"", [1000], 1 << 20)
@example([[(b'{"type":"step",\n"step":4}', b"\n")]], b"", [1000], 1 << 20)
@example([[(b'{"type":"step","step":4,"more":"\xff"}', b"\n")]], b"", [1000], 1 << 20)
@example(
    [[(b'{"type":"step","step":"Infinity"}', b"\n"), (b'{"type":"step","step":2}', b"\n")]], b"", [9], 64
)
@example(
    [[(b'{"type":"step","step":1,"t":9}', b"\n"), (b'{"type":"step","step":2,"t":5}', b"\n")]],
    b"",
    [999],
    999,
)
def test_any_mix_reads_as_line_by_line(
    tmp_path_factory: pytest.TempPathFactory,
    parts: list[list[tuple[bytes, bytes]]],
    torn: bytes,
    sizes: list[int],
    limit: int,
) -> None:
    data = b"".join(line + ending for part in parts for line, ending in part) + torn
    expected, bad = reference(data)
    found, counted = read_in_pieces(tmp_path_factory.mktemp("events") / "events.jsonl", data, sizes, limit)
    assert known(found) == known(expected)
    assert counted == bad
    found.curves()


@pytest.mark.parametrize("piece", [1 << 8, 1 << 12, 1 << 18])
def test_a_long_run_with_odd_lines_among_its_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr("runner.store.event_tail.PIECE_BYTES", piece)
    path = tmp_path / "events.jsonl"
    with LineWriter(path) as writer:
        for i in range(1, 4001):
            writer.append({**step(i, math.nan if i % 501 == 0 else 2 / i), "t": 1e9 + i})
            if i % 400 == 0:
                writer.append(evaluation(i, 1.0))
            if i == 2500:
                writer.append({"type": "resume", "step": 1500})
                for again in range(1501, 2501):
                    writer.append(step(again, 0.5))
    expected, bad = reference(path.read_bytes())
    history, tail = History(), EventTail(path)
    fold_all(history, tail)
    assert known(history) == known(expected)
    assert (tail.bad_lines, bad, history.bad_events) == (0, 0, 0)
    assert history.step == 4000


def test_steps_come_as_blocks(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with LineWriter(path) as writer:
        writer.append(phase("training"))
        for i in range(1, 101):
            writer.append(step(i))
    first, block = EventTail(path).batch(1 << 20)
    assert isinstance(first, dict)
    assert isinstance(block, np.ndarray)
    assert block.shape == (9, 100)


blocks = st.lists(
    st.tuples(st.integers(1, 60), st.integers(1, 30)).map(
        lambda b: np.arange(b[0], b[0] + b[1], dtype=float)
    ),
    min_size=1,
    max_size=30,
)


@given(blocks, st.sampled_from([1, 4, 64]), st.lists(st.integers(0, 70), max_size=5))
def test_what_was_taken_from_the_table_never_changes(added: list[Any], room: int, cuts: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("runner.insight.train_curve.FEWEST_ROWS", room)
        table = StepTable()
    taken = []
    expected: list[tuple[float, float]] = []
    for turn, steps in enumerate(added):
        if turn < len(cuts):
            table.cut(cuts[turn])
            expected = [row for row in expected if row[0] <= cuts[turn]]
            taken.append((table.curve(), list(expected)))
        table.add(np.vstack([steps, *[np.full_like(steps, turn)] * (len(COLUMNS) - 1)]))
        expected = [row for row in expected if row[0] < steps[0]] + [(s, turn) for s in steps.tolist()]
        taken.append((table.curve(), list(expected)))
    for curve, rows in taken:
        assert list(zip(curve.step.tolist(), curve.loss.tolist(), strict=True)) == rows


def test_curves_taken_before_a_resume_stay_as_they_were() -> None:
    history = History()
    for i in range(1, 6):
        history.fold(step(i, float(i)))
    before = history.curves()
    history.fold({"type": "resume", "step": 2})
    history.fold(step(3, 33.0))
    assert before.train.loss.tolist() == [1, 2, 3, 4, 5]
    assert history.train.loss.tolist() == [1, 2, 33]
    assert history.curves().resumed_at == (2,)


# Beginning near the end


@given(st.lists(st.integers(1, 12), min_size=1, max_size=20), st.integers(0, 300))
def test_a_tail_begins_at_the_first_whole_line(
    tmp_path_factory: pytest.TempPathFactory, widths: list[int], tail_bytes: int
) -> None:
    path = tmp_path_factory.mktemp("tail") / "a.jsonl"
    made = [b'{"a":"%s"}\n' % (b"x" * width) for width in widths]
    path.write_bytes(b"".join(made))
    starts = np.cumsum([0, *map(len, made)])[:-1]
    whole = sum(start >= max(0, starts[-1] + len(made[-1]) - tail_bytes) for start in starts)
    tail = LineTail(path, tail_bytes)
    found = tail.read_all()
    assert [len(record["a"]) for record in found] == (widths[-whole:] if whole else [])
    with path.open("ab") as stream:
        stream.write(b'{"b":1}\n')
    assert tail.read_all() == [{"b": 1}]
    assert tail.bad_lines == 0


def test_a_tail_of_a_file_that_is_cut_or_replaced_reads_it_whole(tmp_path: Path) -> None:
    path, other = tmp_path / "a.jsonl", tmp_path / "other"
    path.write_bytes(b'{"a":1}\n{"a":2}\n{"a":3}')
    cut, replaced = LineTail(path, 6), LineTail(path, 6)
    path.write_bytes(b'{"b":1}\n')
    assert cut.read_all() == [{"b": 1}]
    other.write_bytes(b'{"c":1}\n{"c":2}\n{"c":3}\n{"c":4}\n')
    other.replace(path)
    assert replaced.read_all() == [{"c": 1}, {"c": 2}, {"c": 3}, {"c": 4}]
    assert len(cut.read_all()) == 4


def test_a_tail_of_a_line_longer_than_it_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a":"' + b"x" * 100)
    tail = LineTail(path, 10)
    assert tail.read_all() == []
    with path.open("ab") as stream:
        stream.write(b'"}\n{"b":1}\n')
    assert tail.read_all() == [{"b": 1}]
