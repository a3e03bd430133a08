"""What the supervisor makes of its run: state.json, and a request to stop, once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runner.store import requests
from runner.store.history import read_history
from runner.store.requests import Request
from runner.supervision.monitor import RunMonitor
from tests.run.conftest import Scripted
from tests.run.scenes import (
    OVERFIT_SINCE,
    add,
    end,
    evaluation,
    look,
    made_run,
    overfitting,
    phase,
    plan,
    scripted_lines,
    step,
)
from tests.run.test_supervise import over

pytestmark = pytest.mark.usefixtures("no_pause")


def test_the_state_follows_the_run(home: Path) -> None:
    run = made_run(home)
    watch = RunMonitor(run)
    events = overfitting()
    add(run, *events[:2])
    state = look(watch)
    assert (state["phase"], state["step"], state["verdict"], state["severity"]) == (
        "training",
        0,
        "too early to tell",
        1,
    )
    healthy = overfitting(4)
    add(run, *healthy[2:])
    state = look(watch)
    assert (state["verdict"], state["severity"], state["headline"]) == ("healthy", 1, "healthy")
    assert (state["best_step"], state["best_loss"], state["total_steps"]) == (OVERFIT_SINCE, 1.2, 100)
    add(run, *events[len(healthy) :])
    state = look(watch)
    assert (state["verdict"], state["severity"]) == ("overfitting", 3)
    assert state["headline"] == f"OVERFITTING since step {OVERFIT_SINCE}"
    add(run, *end("finished"))
    state = look(watch, final=True)
    assert (state["phase"], state["headline"]) == ("finished", f"OVERFITTING since step {OVERFIT_SINCE}")
    assert (state["trainer_pid"], state["supervisor_pid"]) == (1, os.getpid())


def test_the_state_is_replaced_only_when_something_changed(home: Path) -> None:
    run = made_run(home)
    watch = RunMonitor(run)
    add(run, phase("training"), step(1))
    look(watch)
    before = run.state.stat().st_ino
    look(watch)
    assert run.state.stat().st_ino == before
    add(run, step(2))
    look(watch)
    assert run.state.stat().st_ino != before


def test_losses_that_are_none_never_reach_the_state(home: Path) -> None:
    run = made_run(home)
    watch = RunMonitor(run)
    add(run, phase("training"), plan(), step(1, 2.0), step(2, "NaN"), step(3, "Infinity"))
    state = look(watch)
    assert (state["loss"], state["losses"]) == (None, [2.0])
    assert state["headline"] == "NON-FINITE since step 2"
    assert not {"NaN", "Infinity"} & set(run.state.read_text().replace(",", " ").split())


def test_a_disk_that_is_full_does_not_end_the_supervision(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = made_run(home)
    watch = RunMonitor(run)
    add(run, phase("training"), step(1))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("runner.store.directory.write_json", full)
        assert look(watch) == {}
    assert look(watch)["step"] == 1


# Stopping


@pytest.mark.parametrize("auto_stop", ["critical", "warning"])
def test_a_grave_judgement_asks_for_a_stop_once(home: Path, auto_stop: str) -> None:
    run = made_run(home, overrides=(f"eval.auto_stop={auto_stop}",))
    watch = RunMonitor(run)
    add(run, *overfitting(4))
    look(watch)
    assert not requests.pending(run, Request.STOP)
    add(run, *overfitting()[len(overfitting(4)) :])
    look(watch)
    assert requests.reason_of(run, Request.STOP) == f"overfitting since step {OVERFIT_SINCE} (eval.auto_stop)"
    assert requests.take(run) == {Request.STOP}
    add(run, step(91), evaluation(100, 1.7), evaluation(100, 0.25, "train_probe"))
    look(watch)
    assert not requests.pending(run, Request.STOP)


@pytest.mark.parametrize(("auto_stop", "asked"), [("never", False), ("critical", False), ("warning", True)])
def test_a_warning_stops_only_where_that_is_wanted(home: Path, auto_stop: str, asked: bool) -> None:
    run = made_run(home, overrides=(f"eval.auto_stop={auto_stop}",))
    watch = RunMonitor(run)
    add(run, phase("training"), plan(), *(step(i, 2.0) for i in range(1, 60)))
    add(run, *(evaluation(10 * i, 2.0) for i in range(6)))
    assert look(watch)["severity"] == 2
    assert requests.pending(run, Request.STOP) is asked


def test_never_is_never(home: Path) -> None:
    run = made_run(home)
    watch = RunMonitor(run)
    add(run, *overfitting())
    assert look(watch)["severity"] == 3
    assert not requests.pending(run, Request.STOP)


def test_a_run_that_is_over_is_not_asked_to_stop(home: Path) -> None:
    run = made_run(home, overrides=("eval.auto_stop=critical",))
    watch = RunMonitor(run)
    add(run, *overfitting(), *end("finished"))
    assert look(watch)["severity"] == 3
    assert not requests.pending(run, Request.STOP)


def test_a_run_that_goes_on_is_not_stopped_for_what_stopped_it_before(home: Path) -> None:
    run = made_run(home, *overfitting(), *end("stopped"), overrides=("eval.auto_stop=critical",))
    watch = RunMonitor(run)
    add(run, {"type": "resume", "step": 90}, phase("training"), step(91, 0.3))
    look(watch)
    add(run, step(92, 0.3))
    look(watch)
    assert not requests.pending(run, Request.STOP)


def test_a_request_that_cannot_be_dropped_is_a_warning(home: Path) -> None:
    run = made_run(home, overrides=("eval.auto_stop=critical",))
    run.requests.rmdir()
    run.requests.write_text("no folder")
    watch = RunMonitor(run)
    add(run, *overfitting())
    look(watch)
    (warning,) = read_history(run).warnings
    assert warning["id"] == "auto-stop"


@pytest.mark.parametrize(
    "content", [None, b"", b"trian: 1\n", b"\xff\x00", b"- 1\n", b"eval: {auto_stop: often}\n"]
)
def test_a_preset_that_cannot_be_read_stops_nothing(home: Path, content: bytes | None) -> None:
    run = made_run(home)
    run.preset.unlink()
    if content is not None:
        run.preset.write_bytes(content)
    watch = RunMonitor(run)
    add(run, *overfitting())
    assert look(watch)["severity"] == 3
    assert not requests.pending(run, Request.STOP)


def test_a_real_run_is_stopped_by_its_judgement(scripted: Scripted) -> None:
    lines = scripted_lines(*overfitting())
    run = scripted(*lines, "until-asked", overrides=("eval.auto_stop=critical",))
    state = over(run)
    words = f"overfitting since step {OVERFIT_SINCE} (eval.auto_stop)"
    assert state["phase"] == "stopped"
    assert state["reason"] == f"stopped after step 90: {words}"
    assert not requests.pending(run, Request.STOP)
