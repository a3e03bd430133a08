"""Printed logs: dictionaries of every spelling, progress bars, and the steps that are found from them."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.foreign import console
from runner.foreign.console import parse_entry, read_line
from runner.foreign.opening import open_trace
from runner.foreign.printed import Printed
from runner.foreign.steps import find_steps
from runner.foreign.trace import read_trace
from runner.store.history import History
from tests.foreign.conftest import curves_of, found_in


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("{'loss': '0.5', 'epoch': '1.2'}", {"loss": "0.5", "epoch": "1.2"}),
        ("{'loss': 0.5, 'grad_norm': nan}", {"loss": 0.5, "grad_norm": "nan"}),
        ("{'loss': inf, 'grad_norm': -inf}", {"loss": "inf", "grad_norm": "-inf"}),
        ('{"loss": NaN, "epoch": 1}', {"loss": math.nan, "epoch": 1}),
        ("{'loss': '0.5', 'note': 'nan, a'}", {"loss": "0.5", "note": "nan, a"}),
        ("{'loss': 0.5, 'epo", None),
        ("{'loss': __import__('os')}", None),
        ("{'loss', 'epoch'}", None),
        ("{1: 'loss'}", None),
        ("{'loss': " + "(" * 4000 + ")" * 4000 + "}", None),
        ("{'loss': '" + "x" * 9000 + "'}", None),
    ],
)
def test_entries(text: str, entry: dict[str, Any] | None) -> None:
    assert repr(parse_entry(text)) == repr(entry)


@given(st.binary(max_size=200))
def test_any_line_is_survived(line: bytes) -> None:
    read_line(line, Printed())
    read_line(b"{'loss': " + line + b"}", Printed())


def steps_of(text: str) -> list[int]:
    printed = Printed()
    for line in text.encode().split(b"\n"):
        read_line(line, printed)
    return find_steps(printed.counting(), printed)


def bar(step: int, total: int = 100) -> str:
    return f"\r {100 * step // total:2}%|{'█' * (step // 10):10}| {step}/{total} [00:01<00:09, 9.9it/s]"


def train(epoch: float | None = None) -> str:
    return "{'loss': '1.5'}" if epoch is None else f"{{'loss': '1.5', 'epoch': '{epoch:.4g}'}}"


EVAL = "{'eval_loss': '2.5', 'epoch': '2'}"


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        # As tqdm draws: the bar again after each entry.
        (
            bar(0) + "\r   \r" + train(1) + "\n" + bar(10) + bar(19) + "\r  \r" + train(2) + "\n" + bar(20),
            [10, 20],
        ),
        # Not drawn again yet.
        (bar(0) + "\r" + train(1) + "\n" + bar(10) + "\r" + train(2) + "\n", [10, 20]),
        # The bar only before, on the line of the entry.
        (bar(10) + train(1) + "\n" + bar(20) + train(2) + "\n", [10, 20]),
        ("\n".join(bar(10 * k) + "\n" + train(k) for k in (1, 2, 3)) + "\n", [10, 20, 30]),
        # No bar at all.
        (train(1) + "\n" + train(2) + "\n" + EVAL + "\n" + train(3), [1, 2, 2, 3]),
        (train() + "\n" + train(), [1, 2]),
        (EVAL + "\n" + train(), [0, 1]),
        # All the bars first, then what was printed: it cannot be further than they are. At the end the last one tells.
        ("".join(map(bar, range(0, 101, 5))) + "\n" + train(2) + "\n" + train(4) + "\n", [50, 100]),
        (
            "".join(map(bar, range(0, 101, 5)))
            + "\n"
            + "".join(train(epoch / 2) + "\n" for epoch in range(1, 21))
            + "{'train_runtime': '9', 'epoch': '10'}",
            [*range(5, 101, 5), 100],
        ),
        # The trainer's header.
        (
            "  Num Epochs = 4\n  Total optimization steps = 1,000\n" + train(0.04) + "\n" + train(0.08),
            [10, 20],
        ),
        # Bars of an evaluation and of the data are others.
        (
            "Map: 100%|██████████| 200/200 [00:00<00:00]\n"
            + bar(0)
            + "\r"
            + train(1)
            + "\n"
            + bar(4, 4)
            + bar(10),
            [10],
        ),
        ("", []),
    ],
)
def test_steps(text: str, steps: list[int]) -> None:
    assert steps_of(text) == steps


def test_a_resumed_log_without_bars_counts_on_from_its_epoch() -> None:
    epochs = [0.1, 0.2, 0.3, 0.4, 0.3, 0.4, 0.5]
    assert steps_of("\n".join(train(epoch) for epoch in epochs)) == [1, 2, 3, 4, 3, 4, 5]


def test_rounded_epochs_do_not_look_like_a_resume() -> None:
    """Four digits tell steps 19,995 and 20,000 apart no more, of 1,000 an epoch."""
    assert steps_of("\n".join(train(k / 1000) for k in range(1, 20_001)))[-6:] == list(range(19_995, 20_001))


def test_the_first_step_may_be_logged_too() -> None:
    header = "  Num Epochs = 1\n  Total optimization steps = 100\n"
    assert steps_of(header + "\n".join(train(k / 100) for k in (1, 10, 20, 30, 40))) == [1, 10, 20, 30, 40]


def test_it_grows_while_it_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "nohup.out"
    path.write_text("Loading …\n" + bar(0))
    trace, history = open_trace(path), History()
    seen = []
    for part in ["", "\r   \r" + train(1)[:9], train(1)[9:] + "\n", bar(10), "\r" + train(2) + "\n", bar(20)]:
        with path.open("a") as stream:
            stream.write(part)
        restarts = trace.restarts
        events = trace.poll()
        history = History() if trace.restarts != restarts else history
        for event in events:
            history.fold(event)
        seen.append(list(history.train.step))
    assert seen[-1] == [10, 20]
    assert seen[1] == []
    assert history.plan["total_steps"] == 100
    assert trace.bad_lines == 0


def test_garbage_is_counted_and_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    path.write_bytes(
        b"{'loss': 1.0, 'epoch': 0.1}\n{'loss': oh}\n\xff\xfe{}\n{'loss': nan, 'epoch': 0.2}\n{'lo"
    )
    trace = open_trace(path)
    losses = curves_of(trace).train.loss
    assert losses[0] == 1.0
    assert math.isnan(losses[1])
    assert trace.bad_lines == 1


def test_a_replaced_log_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    path.write_text("".join(train(e) + "\n" for e in (1, 2, 3)))
    trace = open_trace(path)
    assert curves_of(trace).step == 3
    path.write_text("{'loss': 9.0}\n")
    history = History()
    for event in trace.poll():
        history.fold(event)
    assert trace.restarts == 1
    assert list(history.train.loss) == [9.0]


def test_what_a_logger_puts_before_it_is_passed_over() -> None:
    printed = Printed()
    line = b"[INFO|2026-11-24 10:00:00] callbacks:143 >> {'loss': 5.936, 'learning_rate': 1.8e-04, 'epoch': 0.12}"
    assert read_line(line, printed) == 0
    assert printed.entries[0].logs["learning_rate"] == 1.8e-4
    assert printed.drawn == {}


def test_files_that_are_no_logs(tmp_path: Path) -> None:
    for name, data in {"a.log": b"hello\n", "b.log": b"", "c.log": b"\0\0{'loss': 1}\n"}.items():
        (tmp_path / name).write_bytes(data)
        assert console.find(tmp_path / name) is None
    assert console.find(tmp_path) is None
    (tmp_path / "d.log").write_text(train() + "\n")
    found = console.find(tmp_path)
    assert found is not None
    assert found.name == "d.log"


@pytest.mark.xdist_group("tiny")
@pytest.mark.slow
def test_a_real_log_whose_bars_all_come_first(tiny: Path, tmp_path: Path) -> None:
    """As when what was printed waited in a buffer: the same lines in another order."""
    whole = (tiny / "overfit" / "train.log").read_text()
    drawn = re.sub(r"\{'[^}]*\}\n", "", whole)
    (tmp_path / "train.log").write_text(drawn + "\n" + "\n".join(re.findall(r"\{'[^}]*\}", whole)) + "\n")
    there, here = console.find(tiny / "overfit" / "train.log"), console.find(tmp_path)
    assert there is not None
    assert here is not None
    assert found_in(here) == found_in(there)
    assert list(read_trace(open_trace(tmp_path)).train.step) == list(range(2, 181, 2))
