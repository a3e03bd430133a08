"""A supervisor that dies leaves its trainer alone; another one takes over, and misses nothing."""

from __future__ import annotations

import os
import signal

import pytest

from runner.store import life, locks, requests, summary
from runner.store.directory import read_json
from runner.store.history import read_history
from runner.store.requests import Request
from runner.supervision.reattach import is_orphan, reattach
from tests.conftest import wait_for
from tests.run.conftest import Scripted
from tests.run.test_supervise import over, running


@pytest.mark.parametrize("request_", [Request.STOP, Request.STOP_NOW])
def test_an_orphan_is_reattached_and_obeys(scripted: Scripted, request_: Request) -> None:
    run = scripted("until-stop")
    wait_for(lambda: read_history(run).step > 5, 30, "it trains")
    os.kill(running(run)["supervisor_pid"], signal.SIGKILL)
    wait_for(lambda: is_orphan(run), 10, "the supervisor is gone")
    made = read_history(run).step
    wait_for(lambda: read_history(run).step > made + 5, 10, "the trainer goes on")
    assert summary.read_state(run)["phase"] != "lost"
    assert reattach(run)
    assert not reattach(run)
    wait_for(
        lambda: read_json(run.state).get("step", 0) > made + 5, 10, "the new supervisor writes the state"
    )
    requests.ask(run, request_)
    state = over(run)
    assert state["phase"] == "stopped"
    steps = list(read_history(run).train.step)
    assert steps == list(range(1, len(steps) + 1))
    assert not locks.is_held(run.trainer_lock)


def test_an_orphan_that_dies_alone_is_lost_until_somebody_looks(scripted: Scripted) -> None:
    run = scripted("until-stop")
    wait_for(lambda: read_history(run).step > 2, 30, "it trains")
    state = running(run)
    os.kill(state["supervisor_pid"], signal.SIGKILL)
    os.killpg(state["trainer_pid"], signal.SIGKILL)
    wait_for(lambda: not life.is_alive(run), 10, "both are gone")
    assert summary.read_state(run)["phase"] == "lost"
    assert not reattach(run)


def test_a_reattached_trainer_that_dies_is_a_failure(scripted: Scripted) -> None:
    run = scripted("until-stop")
    wait_for(lambda: read_history(run).step > 2, 30, "it trains")
    state = running(run)
    os.kill(state["supervisor_pid"], signal.SIGKILL)
    wait_for(lambda: is_orphan(run), 10, "the supervisor is gone")
    assert reattach(run)
    os.killpg(state["trainer_pid"], signal.SIGKILL)
    ended = over(run)
    assert ended["phase"] == "failed"
    assert "without a word" in ended["reason"]
