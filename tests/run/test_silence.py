"""A run that goes silent: told from one that works, or has not begun."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from runner.insight.diagnosis import ThrottledDiagnosis
from runner.store import requests
from runner.store.directory import RunDirectory, read_json
from runner.store.requests import Request
from runner.supervision.monitor import RunMonitor
from tests.conftest import wait_for
from tests.run.conftest import Scripted
from tests.run.scenes import (
    add,
    configured,
    end,
    listening,
    look,
    made_run,
    phase,
    plan,
    scripted_lines,
    step,
)
from tests.run.test_supervise import over

pytestmark = pytest.mark.usefixtures("no_pause")


def silent_run(home: Path, *events: dict[str, Any], seconds: float = 600) -> tuple[RunDirectory, RunMonitor]:
    """A run whose last sign of life is so long ago, and a watcher."""
    run = made_run(home)
    watch = RunMonitor(run)
    then = time.time() - seconds
    add(run, *({**event, "t": then - 60 + i} for i, event in enumerate(events)))
    run.console.touch()
    for path in (run.events, run.console):
        os.utime(path, (then, then))
    return run, watch


SHARED = {"utilisation_percent": 99, "used_mib": 20_000, "free_mib": 4_000, "own_mib": 8_000}
STEPS = [step(i) for i in range(1, 11)]


def test_silence_with_nobody_at_work_is_a_stall(home: Path) -> None:
    _, watch = silent_run(home, phase("training"), plan(), *STEPS)
    state = look(watch)
    assert (state["verdict"], state["severity"], state["headline"]) == (
        "died or stalled",
        4,
        "DIED OR STALLED since step 10",
    )


def test_a_stall_ends_with_the_next_step(home: Path) -> None:
    run, watch = silent_run(home, phase("training"), plan(), *STEPS)
    look(watch)
    add(run, step(11))
    assert look(watch)["verdict"] != "died or stalled"


@pytest.mark.parametrize(
    ("sample", "stalled"),
    [
        ({"trainer_cpu_percent": 0.0}, True),
        ({"trainer_cpu_percent": 97.0}, False),
        ({"trainer_cpu_percent": 97.0, "gpu": {"utilisation_percent": 0}}, True),
        ({"trainer_cpu_percent": 0.0, "gpu": {"utilisation_percent": 99}}, False),
        # MIG slices and some containers do not tell their use.
        ({"trainer_cpu_percent": 97.0, "gpu": {"utilisation_percent": None}}, False),
        ({"trainer_cpu_percent": 97.0, "gpu": {"problem": "driver is gone"}}, False),
        ({"trainer_cpu_percent": 0.0, "gpu": {"problem": "driver is gone"}}, True),
        # Others keep the GPU busy.
        ({"gpu": {"utilisation_percent": 99, "own_utilisation_percent": 0}}, True),
        ({"gpu": {"utilisation_percent": 99, "own_utilisation_percent": 40}}, False),
        ({"trainer_cpu_percent": 0.0, "gpu": SHARED}, True),
        ({"trainer_cpu_percent": 97.0, "gpu": SHARED}, False),
        ({"trainer_cpu_percent": 0.0, "gpu": {**SHARED, "used_mib": 9000}}, False),
        ({"trainer_cpu_percent": 0.0, "gpu": {**SHARED, "used_mib": 9000, "is_alone": False}}, True),
        # Whose memory it is is not known, and torch says nothing yet.
        ({"trainer_cpu_percent": 0.0, "gpu": {**SHARED, "own_mib": None}}, False),
    ],
)
@pytest.mark.parametrize("name", ["training", "evaluating"])
def test_who_works_is_not_stalled(home: Path, name: str, sample: dict[str, Any], stalled: bool) -> None:
    _, watch = silent_run(home, phase("training"), plan(), *STEPS, phase(name), seconds=200)
    assert (look(watch, sample)["verdict"] == "died or stalled") is stalled


def test_on_a_shared_gpu_long_silence_is_a_stall_whatever_the_cpu_does(home: Path) -> None:
    _, watch = silent_run(home, phase("training"), plan(), *STEPS, seconds=400)
    look(watch, {"trainer_cpu_percent": 97.0, "gpu": SHARED})
    (stall,) = (one for one in watch._judge.verdict.findings if one.id == "stalled")
    assert "others use the GPU too, and whose use it is cannot be told" in stall.sentence


@pytest.mark.parametrize(("used", "stalled"), [(9_000, False), (20_000, True)])
def test_where_processes_are_hidden_torch_says_what_is_ours(home: Path, used: int, stalled: bool) -> None:
    held = {"type": "memory", "at": "first step", "reserved_mib": 7_900}
    _, watch = silent_run(home, phase("training"), plan(), *STEPS, held)
    state = look(watch, {"trainer_cpu_percent": 0.0, "gpu": {**SHARED, "own_mib": None, "used_mib": used}})
    assert (state["verdict"] == "died or stalled") is stalled


@pytest.mark.parametrize("name", ["starting", "loading model", "tokenising", "saving"])
def test_other_phases_may_be_silent(home: Path, name: str) -> None:
    _, watch = silent_run(home, phase("training"), plan(), *STEPS, phase(name))
    assert look(watch)["verdict"] != "died or stalled"


def test_a_run_without_steps_is_not_stalled(home: Path) -> None:
    _, watch = silent_run(home, phase("training"), plan())
    assert look(watch)["verdict"] == "too early to tell"


def test_what_is_printed_is_a_sign_of_life(home: Path) -> None:
    run, watch = silent_run(home, phase("training"), plan(), *STEPS)
    run.console.write_text("compiling kernels\n")
    assert look(watch)["verdict"] != "died or stalled"


def test_memory_of_the_card_is_judged_while_it_trains(home: Path) -> None:
    run = made_run(home)
    watch = RunMonitor(run)
    add(run, phase("training"), plan(), *STEPS)
    gpu = {"utilisation_percent": 99, "free_mib": 200, "used_mib": 24_000}
    look(watch, {"gpu": gpu})
    assert "memory-short" in {finding.id for finding in watch._judge.verdict.findings}
    add(run, *end("finished"))
    look(watch, {"gpu": gpu}, final=True)
    assert "memory-short" not in {finding.id for finding in watch._judge.verdict.findings}


def test_a_real_run_that_goes_silent_is_told(scripted: Scripted, home: Path, impatient: None) -> None:
    with listening() as hook:
        configured(home, hook)
        run = scripted(*scripted_lines(phase("training"), plan(), *STEPS), "sleep 600")
        state = wait_for(
            lambda: (s := read_json(run.state)).get("verdict") == "died or stalled" and s, 30, "it stalls"
        )
        assert isinstance(state, dict)
        assert (state["phase"], state["severity"]) == ("training", 4)
        wait_for(lambda: hook.taken, 10)
        assert hook.bodies[0]["occasion"] == "stalled"
        requests.ask(run, Request.STOP_NOW)
        assert over(run)["phase"] == "stopped"


def test_the_judge_is_asked_again_when_there_is_no_news(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.supervision.monitor.QUIET_SECONDS", 0.0)
    asked: list[bool] = []
    judge = ThrottledDiagnosis.judge

    def counted(self: ThrottledDiagnosis, curves: Any, urgent: bool = False) -> bool:
        asked.append(judge(self, curves, urgent))
        return asked[-1]

    monkeypatch.setattr(ThrottledDiagnosis, "judge", counted)
    _, watch = silent_run(home, phase("training"), plan(), *STEPS)
    look(watch)
    look(watch)
    assert asked == [True, True]
