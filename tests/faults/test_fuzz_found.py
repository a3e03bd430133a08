"""What spoilt runs once made raise, hang, or send to a terminal: each by itself, with everything that reads it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from runner.foreign.opening import read_path
from runner.foreign.trace import TraceError
from runner.insight.diagnosis import diagnose
from runner.preset.errors import PresetError
from runner.preset.files import load_frozen
from runner.store import directory
from runner.store.directory import RunDirectory
from runner.store.jsonl import parse_object
from tests.faults import fuzz_readers as readers
from tests.faults.fuzz_disk import Store
from tests.faults.fuzz_drawing import Sight
from tests.faults.fuzz_garbage import NESTED
from tests.faults.fuzz_mutations import Field, Mutation, Value
from tests.faults.fuzz_strategies import Mutated
from tests.faults.fuzz_tasks import tasks_of

HUGE = "1" + "0" * 400
SURROGATE, ESCAPE = '"\\ud800"', '"\\u001b[31m\\u009b1m"'
PLAN, EVAL, STEP = (("events.jsonl", kind) for kind in ("plan", "eval", "step"))
STATE, RUN, SYSTEM = (name for name in ("state.json", "run.json", "system.jsonl"))

FOUND: dict[str, Mutation] = {
    "a number of steps no float holds": Value(Field(*PLAN, ("total_steps",)), HUGE),
    "a rate no float holds": Value(Field(*PLAN, ("learning_rate",)), HUGE),
    "a step no float holds": Value(Field(STATE, "", ("step",)), HUGE),
    "a loss no float holds": Value(Field(STATE, "", ("losses", 0)), HUGE),
    "memory no float holds": Value(Field(SYSTEM, "", ("gpu", "own_mib")), HUGE),
    "an evaluation that took no time there is": Value(Field(*EVAL, ("seconds",)), "NaN"),
    "steps that took longer than time": Value(Field(*STEP, ("step_s",)), "1.7e308"),
    "an evaluation beyond all steps": Value(Field(*EVAL, ("step",)), "1.7e308"),
    "rows' losses whose squares overflow": Value(Field(*EVAL, ("row_losses", 0)), "1.7e308"),
    "rates whose sum overflows": Value(Field(*STEP, ("lr",)), "1.7e308"),
    "accuracies whose percentage overflows": Value(Field(*STEP, ("accuracy",)), "1.7e308"),
    "steps in no time": Value(Field(*STEP, ("step_s",)), "1e-320"),
    "a step that is a list": Value(Field(STATE, "", ("step",)), "[null]"),
    "a GPU that is a number": Value(Field(RUN, "", ("gpu",)), "-1"),
    "an infinite count of re-plans": Value(Field("replan.json", "", ("count",)), "Infinity"),
    "lists too deep to copy": Value(Field(RUN, "", ("id",)), NESTED[4]),
    "half a character in run.json": Value(Field(RUN, "", ("created_at",)), SURROGATE),
    "half a character in a set's name": Value(Field(*EVAL, ("set",)), SURROGATE),
    "half a character in the device": Value(Field(*PLAN, ("device",)), SURROGATE),
    "half a character in the ledger": Value(Field(*PLAN, ("ledger", "eval_rows")), SURROGATE),
    "an escape in run.json": Value(Field(RUN, "", ("preset",)), ESCAPE),
    "an escape in what was copied": Value(Field("events.jsonl", "sample", ("copied", "words")), ESCAPE),
    "an escape in the device": Value(Field(*PLAN, ("device",)), ESCAPE),
    "an escape in a set's name": Value(Field(*EVAL, ("set",)), ESCAPE),
}

YAML = {
    "brackets without end": "model: " + "[" * 100_000,
    "braces without end": '{"a":' * 3000,
    "lists without end": "- " * 5000,
    "a preset in itself": "&a {model: *a}",
    "no whole number": "lora: !!int",
    "another YAML": "model:\n%YAML 9.9\n  name: x",
    "no character": '"\\U99999999": 1',
}

CONSOLE = {
    "a bar of 5000 digits": "9" * 5000 + "/9 [00:01",
    "a total of 5000 digits": "Total optimization steps = " + "9" * 5000,
    "no epochs but a comma": "Num Epochs = ,",
    "infinite epochs": "Num Epochs = 3\n 5/10 [00:01\n{'loss': 1.0, 'epoch': inf}",
    "braces that never close": '{"a":' * 60_000,
}


@pytest.mark.parametrize("name", FOUND)
def test_a_run_that_once_made_something_raise(name: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readers.make_quick(monkeypatch)
    store = Store(home)
    store.write_other()
    sight = Sight()
    for is_alive in (False, True):
        run = Mutated((FOUND[name],), is_long=True, is_alive=is_alive)
        store.write(run.tree(), is_alive)
        view, row = readers.follow(store, lambda: None)
        assert view is not None
        sight.draw(view)
        sight.draw_row(row)
    for task in tasks_of(["events.jsonl", "state.json", "run.json", "checkpoints"]):
        store.write(run.tree())
        task(store, sight)


@pytest.mark.parametrize("name", YAML)
def test_what_ruamel_raises_is_a_preset_error(name: str, tmp_path: Path) -> None:
    path = tmp_path / "preset.yaml"
    path.write_text(YAML[name])
    before = time.monotonic()
    with pytest.raises(PresetError):
        load_frozen(path)
    # What is refused is refused before the minutes that reading it would take.
    assert time.monotonic() - before < 10


@pytest.mark.parametrize("name", CONSOLE)
def test_what_a_console_prints_is_no_more_than_unreadable(name: str, tmp_path: Path) -> None:
    (tmp_path / "console.log").write_text(f"{{'loss': 2.0, 'epoch': 0.1}}\n{CONSOLE[name]}\n")
    before = time.monotonic()
    _, history = read_path(tmp_path)
    diagnose(history.curves())
    assert time.monotonic() - before < 10


def test_states_without_a_step_are_compared(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "checkpoint-4"):
        folder.mkdir(exist_ok=True)
        (folder / "trainer_state.json").write_text('{"global_step": null, "log_history": []}')
    try:
        read_path(tmp_path)
    except TraceError as error:
        assert str(error)


def test_a_link_to_itself_leads_nowhere_else(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    (tmp_path / "requests").symlink_to("requests")
    assert directory.links_out(run) == []


def test_what_json_may_not_hold() -> None:
    assert parse_object(b'{"a":' + b"[" * 100 + b"]" * 100 + b"}") is None
    assert parse_object(b'{"a":' + HUGE.encode() + b"}") == {"a": float("inf")}
    assert parse_object(b'{"a":1' + b"0" * 30 + b"}") == {"a": 1e30}
    assert parse_object(b'{"a":[' + b"[1]," * 500 + b"2]}") is not None
