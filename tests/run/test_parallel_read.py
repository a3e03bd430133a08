"""A file read by two processes is the file one reads."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from runner.insight.train_curve import COLUMNS
from runner.store import parallel_read
from runner.store.event_tail import EventTail
from runner.store.history import History, fold_all
from runner.store.parallel_read import fold_halves

ODD = [
    b"garbage",
    b"",
    b'{"type":"step","step":"many"}',
    b'{"type":"phase","phase":"training"}',
    b'{"type":"warning","id":"x","message":"\xc3\xa4"}',
    b'{"type":"eval","set":"val","step":40,"loss":1.5,"n":4}',
    b'{"type":"resume","step":20}',
]


def some_events(seed: int) -> bytes:
    """Some hundred lines, some of them odd, some steps again, and perhaps a torn tail."""
    rng, lines, step = random.Random(seed), [], 0
    for _ in range(rng.randrange(2, 400)):
        step = step + 1 if rng.random() > 0.02 else rng.randrange(step + 1)
        loss: object = rng.choice(["NaN", None]) if rng.random() < 0.02 else round(rng.uniform(0, 3), 4)
        event = {"type": "step", "t": 1e9 + step, "step": step, "epoch": 0.1, "loss": loss, "lr": 1e-4}
        padding = {"grad_norm": 1.0, "tokens": 100, "step_s": 0.5, "accuracy": 0.123456789}
        lines.append(json.dumps({**event, **padding}, separators=(",", ":")).encode())
        if rng.random() < 0.05:
            lines.append(rng.choice(ODD))
    return b"\n".join(lines) + rng.choice([b"", b"\n", b'\n{"type":"st'])


def compare(folder: Path) -> None:
    """Raises AssertionError where the two differ."""
    path = folder / "events.jsonl"
    for seed in range(60):
        path.write_bytes(some_events(seed))
        one, two, tail = History(), History(), EventTail(path)
        fold_all(one, tail)
        other = fold_halves(two, path)
        assert repr(vars(tail)) == repr(vars(other)), seed
        for name in COLUMNS:
            np.testing.assert_array_equal(getattr(one.train, name), getattr(two.train, name), str(seed))
        assert repr(vars(one) | {"_steps": None}) == repr(vars(two) | {"_steps": None}), seed


def fails(folder: Path) -> None:
    """A child that cannot hold what it reads is an error of the reader."""
    path = folder / "events.jsonl"
    path.write_bytes(some_events(3))
    setattr(parallel_read, "LEAST_STEP_BYTES", 100_000)  # noqa: B010
    with pytest.raises(OSError, match="second half"):
        fold_halves(History(), path)


@pytest.mark.parametrize("what", ["compare", "fails"])
def test_two_read_what_one_reads(tmp_path: Path, what: str) -> None:
    """In a process of its own: forking belongs to those of one thread."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.run.test_parallel_read", what, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr


if __name__ == "__main__":
    {"compare": compare, "fails": fails}[sys.argv[1]](Path(sys.argv[2]))
