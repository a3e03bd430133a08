"""A column of a step is declared once: reading, foreign logs and the screen follow from the declaration."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from runner.foreign.logbook import Logbook
from runner.foreign.values import train_metrics
from runner.insight.train_curve import COLUMNS, LOGGED_AS, STEP_COLUMNS, StepColumn, TrainCurve, logged
from runner.store.event_tail import EventTail
from runner.store.history import History, fold_all
from runner.store.jsonl import Record
from tui.models.run_view import RunView
from tui.widgets.metrics import figures

columns = pytest.mark.parametrize("column", STEP_COLUMNS, ids=lambda column: column.name)
logged_ones = pytest.mark.parametrize("name", LOGGED_AS)

# What a file of one more column must do, in an interpreter of its own.
ONE_MORE = """
import json, sys, types
from pathlib import Path
import numpy as np
source = Path(sys.argv[1]).read_text()
line = '    entropy: Column = field(default_factory=_empty, metadata=_declared("entropy", "mean_entropy", digits=2, '
line += 'shown=Shown("entropy", "{:.2f} nats")))\\n'
marker = "    time: Column"
assert source.count(marker) == 1
module = types.ModuleType("runner.insight.train_curve")
sys.modules[module.__name__] = module
exec(compile(source.replace(marker, line + marker), sys.argv[1], "exec"), module.__dict__)

from runner.foreign.logbook import Logbook
from runner.store.directory import RunDirectory
from runner.store.events import EventLog
from runner.store.history import read_history
from tui.models.run_view import RunView
from tui.widgets.metrics import figures

run = RunDirectory(Path(sys.argv[2]))
log = EventLog(run)
for step in range(1, 4):
    log.append("step", step=step, **module.logged({"loss": 2.0, "mean_entropy": step + 0.123}))
log.append("step", step=4, loss=float("nan"), entropy=4.12)
read = read_history(run)
book = Logbook("run")
for step in range(1, 5):
    book.add(step, {"loss": 2.0, "mean_entropy": step + 0.12})
for event in book.take():
    foreign = event if isinstance(event, np.ndarray) else None
    assert foreign is not None or event["type"] != "metrics", event
curves = read.curves()
print(json.dumps({
    "read": curves.train.entropy.tolist(),
    "time": bool(np.isfinite(curves.train.time).all()),
    "shown": [figure.value for figure in figures(RunView(curves=curves)) if figure.label == "entropy"],
}))
"""


def test_one_more_column_is_one_more_line_of_one_file(tmp_path: Path) -> None:
    declared = Path(sys.modules[TrainCurve.__module__].__file__ or "")
    done = subprocess.run(
        [sys.executable, "-c", ONE_MORE, str(declared), str(tmp_path)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "read": [1.12, 2.12, 3.12, 4.12],
        "time": True,
        "shown": ["4.12 nats"],
    }


def of_lines(path: Path, *events: Record) -> TrainCurve:
    path.write_text(
        "".join(json.dumps({"type": "step", **event}, separators=(",", ":")) + "\n" for event in events)
    )
    history = History()
    fold_all(history, EventTail(path))
    assert not history.bad_events
    return history.train


@columns
def test_it_is_read_from_events(column: StepColumn, tmp_path: Path) -> None:
    # The second line is read as a record, because of its NaN; a third lacks the value.
    first = {"step": 1, column.key: 1}
    odd = {"step": 2, "loss": "NaN", column.key: 2}
    train = of_lines(tmp_path / "events.jsonl", first, odd, {"step": 3})
    third = 3.0 if column.name == "step" else np.nan
    np.testing.assert_array_equal(getattr(train, column.name), [1.0, 2.0, third])


@logged_ones
def test_it_is_taken_from_a_trainers_log(name: str) -> None:
    key = next(column.key for column in STEP_COLUMNS if column.name == LOGGED_AS[name])
    assert logged({name: 0.5})[key] == 0.5
    assert np.isnan([value for other, value in logged({name: 0.5}).items() if other != key]).all()
    # It is no metric beside the loss as well.
    assert train_metrics({name: 0.5, "kl": 1.0}) == {"kl": 1.0}
    book = Logbook("run")
    book.add(1, {"loss": 0.5, name: 0.5})
    block = next(event for event in book.take() if isinstance(event, np.ndarray))
    assert block[COLUMNS.index(LOGGED_AS[name]), 0] == 0.5


@columns
def test_it_is_shown_as_declared(column: StepColumn) -> None:
    shown = column.shown
    known = {figure.label: figure.value for figure in figures(view(column, [0.25, 0.5]))}
    unknown = {figure.label for figure in figures(RunView())}
    if shown is None:
        assert column.name not in known
        return
    assert known[shown.label] == shown.words(0.5)
    assert (shown.label in unknown) == shown.always


def view(column: StepColumn, values: list[float]) -> RunView:
    history = History()
    history.fold(np.array([TrainCurve.of(**{column.name: values}).__dict__[name] for name in COLUMNS]))
    return RunView(curves=history.curves())


def test_the_step_comes_first() -> None:
    # StepTable orders its rows by the first column.
    assert COLUMNS[0] == "step"
    assert len({column.key for column in STEP_COLUMNS}) == len(STEP_COLUMNS)
