"""Asking to stop once, twice, at the same moment, and of a run that goes on later."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runner.store import requests
from runner.store.directory import RunDirectory, read_json
from runner.store.history import read_history
from runner.store.requests import STOPPING, Request
from runner.supervision import start
from tests.conftest import wait_for
from tests.run.conftest import Scripted
from tests.run.scenes import made_run, phase, scripted_lines, step
from tests.run.test_supervise import over, running


def asked(run: RunDirectory) -> set[str]:
    return {path.name for path in run.requests.iterdir()}


def long_ago(run: RunDirectory, name: str) -> None:
    then = time.time() - 10
    os.utime(run.requests / name, (then, then))


@pytest.fixture
def run(home: Path) -> RunDirectory:
    return made_run(home, phase("training"))


def test_once_is_saving_first(run: RunDirectory) -> None:
    assert requests.stop(run) is False
    assert asked(run) == {"stop"}


def test_twice_at_the_same_moment_is_once(run: RunDirectory) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: requests.stop(run), range(8))) == [False] * 8
    assert asked(run) == {"stop"}


@pytest.mark.parametrize("is_taken", [False, True])
def test_again_is_at_once(run: RunDirectory, is_taken: bool) -> None:
    requests.stop(run)
    if is_taken:
        assert requests.take(run) == {Request.STOP}
    long_ago(run, STOPPING if is_taken else "stop")
    assert requests.stop(run) is True
    assert "stop-now" in asked(run)


def test_a_stop_by_the_judgement_is_never_at_once(run: RunDirectory) -> None:
    requests.stop(run)
    long_ago(run, "stop")
    requests.ask(run, Request.STOP, "overfitting")
    assert asked(run) == {"stop"}


def test_a_second_stop_ends_a_real_run_at_once(scripted: Scripted) -> None:
    """A trainer that saves for ten minutes."""
    run = scripted(*scripted_lines(phase("training"), step(1), step(2)), "sleep 600")
    running(run)
    wait_for(lambda: len(read_history(run).train) == 2)
    requests.stop(run)
    assert requests.stop(run) is False
    long_ago(run, "stop")
    assert requests.stop(run) is True
    state = over(run)
    assert (state["phase"], state["step"]) == ("stopped", 2)
    assert "at once" in state["reason"]


def test_what_was_asked_of_a_dead_run_is_not_asked_of_the_next(scripted: Scripted) -> None:
    """It died before it could obey; going on, it must not stop at its first step."""
    run = scripted(*scripted_lines(phase("training"), step(1)), "sleep 600")
    state = running(run)
    requests.stop(run)
    for key in ("supervisor_pid", "trainer_pid"):
        os.kill(state[key], 9)
    wait_for(lambda: over(run))
    assert asked(run) == {"stop"}
    script = Path(os.environ["FTUI_SCRIPT"])
    script.write_text("until-stop\n")
    start.start_supervisor(run)
    wait_for(lambda: len(read_history(run).train) > 5)
    assert asked(run) == set()
    wait_for(lambda: read_json(run.state)["phase"] == "training")
    requests.stop(run)
    assert over(run)["phase"] == "stopped"
