"""Every sample of tests/data/foreign is read for what it is, at once and as it grows."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from runner.foreign.opening import open_trace, read_path
from runner.foreign.trace import Trace, TraceError
from runner.insight.curves import Curves
from runner.store.history import History
from tests.foreign.samples import GROWING, RIGHT, SAMPLES, Right


def test_every_sample_has_its_right_value() -> None:
    there = {path.name for path in SAMPLES.iterdir()} - {"README.md", "empty.log"}
    assert there == RIGHT.keys()


@pytest.mark.parametrize("name", RIGHT)
def test_read_at_once(name: str) -> None:
    right = RIGHT[name]
    trace, history = read_path(SAMPLES / name, right.names)
    curves = history.curves()
    assert trace.kind == right.kind
    assert (trace.bad_lines, history.bad_events, history.resumed_at) == (0, 0, [])
    steps = curves.train.step
    assert (len(steps), *([int(steps[0]), int(steps[-1])] if len(steps) else [0, 0])) == (
        right.count,
        right.first,
        right.last,
    )
    assert (curves.total_steps, curves.is_over) == (right.total, right.is_over)
    assert (curves.begins_at_step, curves.nan_hidden) == (right.begins_at, right.nan_hidden)
    check_evals(curves, right)
    for metric, value in right.metrics.items():
        assert curves.metrics[metric].value[-1] == pytest.approx(value, rel=1e-3), metric
    for metric, value in right.eval_metrics.items():
        found = [m[metric].value[-1] for m in curves.eval_metrics.values() if metric in m]
        assert found[-1] == pytest.approx(value, rel=1e-3), metric
    if right.last_loss is not None:
        assert curves.train.loss[-1] == pytest.approx(right.last_loss, rel=1e-3)


def check_evals(curves: Curves, right: Right) -> None:
    assert curves.evals.keys() == right.evals.keys()
    for name, (count, step, loss) in right.evals.items():
        points = curves.evals[name]
        assert (len(points), points[-1].step) == (count, step), name
        assert points[-1].loss == pytest.approx(loss, rel=1e-3, nan_ok=True), name


def told(history: History) -> dict[str, Any]:
    """Everything a history knows, as plain values that compare; NaN as a word."""
    curves = history.curves()

    def plain(values: Any) -> list[Any]:
        return ["nan" if math.isnan(value) else value for value in values]

    return {
        "train": {
            name: plain(getattr(curves.train, name))
            for name in ("step", "epoch", "loss", "lr", "grad_norm", "tokens", "accuracy")
        },
        "evals": {
            n: [(p.step, *plain([p.loss]), p.n, p.epoch) for p in ps] for n, ps in curves.evals.items()
        },
        "metrics": {n: (plain(m.step), plain(m.value)) for n, m in curves.metrics.items()},
        "eval_metrics": {
            name: {n: (plain(m.step), plain(m.value)) for n, m in metrics.items()}
            for name, metrics in curves.eval_metrics.items()
        },
        "plan": {key: value for key, value in history.plan.items() if key != "type"},
        "phase": history.phase,
        "bad": history.bad_events,
        "resumed_at": history.resumed_at,
    }


class Reading:
    """Folds what a trace tells, from the start when it says so."""

    def __init__(self, trace: Trace) -> None:
        self.trace, self.history = trace, History()

    def take(self, is_last: bool = False) -> None:
        while True:
            restarts = self.trace.restarts
            events = self.trace.finish() if is_last else self.trace.poll()
            if self.trace.restarts != restarts:
                self.history = History()
            for event in events:
                self.history.fold(event)
            if is_last or not (events or self.trace.is_busy):
                return


@pytest.mark.parametrize("pieces", [37, 5])
@pytest.mark.parametrize("name", GROWING)
def test_read_as_it_grows(tmp_path: Path, name: str, pieces: int) -> None:
    """In pieces that end anywhere, within numbers and letters, beginning with an empty file."""
    path, whole = tmp_path / name, (SAMPLES / name).read_bytes()
    size = max(7, len(whole) // (pieces * 4))
    path.touch()
    reading = Reading(open_trace(path, names=RIGHT[name].names))
    for start in range(0, len(whole), size):
        with path.open("ab") as stream:
            stream.write(whole[start : start + size])
        reading.take()
    reading.take(is_last=True)
    assert reading.trace.kind == RIGHT[name].kind
    at_once = read_path(SAMPLES / name, RIGHT[name].names)[1]
    assert told(reading.history) == told(at_once)


def test_a_table_without_a_known_loss_says_what_is_in_it() -> None:
    with pytest.raises(TraceError) as caught:
        read_path(SAMPLES / "loop.jsonl")
    first, second = str(caught.value).splitlines()
    assert first.endswith("no loss under a known name; found: iter, metrics/nll, lr.")
    assert "--map loss=" in second


def test_an_empty_log_is_waited_for() -> None:
    assert open_trace(SAMPLES / "empty.log").poll() == []
    with pytest.raises(TraceError, match="yet"):
        read_path(SAMPLES / "empty.log")


def test_of_two_runs_the_newest_is_read_and_the_other_named() -> None:
    trace, _ = read_path(SAMPLES / "two-runs-one-folder")
    assert [Path(other).name for other in trace.others] == ["Jan27_16-02-40_70a84499923a"]
    trace, _ = read_path(SAMPLES / "two-trainings.ipynb")
    assert trace.others == ("training 1 of 2 in two-trainings.ipynb",)
