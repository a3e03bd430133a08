"""Spare pairs: when they are made, what they become, and when they end by themselves."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import psutil
import pytest

from runner.store import requests
from runner.store.directory import RunDirectory, read_json
from runner.store.history import read_history
from runner.store.requests import Request
from runner.supervision import command_line
from runner.supervision.reattach import trainer_pid
from runner.supervision.start import start_supervisor
from runner.supervision.warm import NO_SPARE, WarmStart
from tests.conftest import wait_for
from tests.run.conftest import Scripted
from tests.run.scenes import phase, plan, scripted_lines, step
from tests.run.test_supervise import over, running
from tests.spares import Pids, ready, starts, was_warm, why_cold


def gone(*pids: int) -> None:
    """Wait until these processes are over."""

    def is_over(pid: int) -> bool:
        try:
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    wait_for(lambda: all(map(is_over, pids)), 10, f"{pids} end")


def test_a_pair_becomes_what_a_cold_start_makes(warm: WarmStart, scripted: Scripted) -> None:
    pids = ready(warm)
    run = scripted("print hello", "until-stop", warm=warm)
    wait_for(lambda: read_history(run).step > 3, 20, "it trains")
    state = running(run)
    assert Pids(state["supervisor_pid"], state["trainer_pid"]) == pids, starts(run)
    supervisor, trainer = psutil.Process(pids.supervisor), psutil.Process(pids.trainer)
    for process, module in ((supervisor, "runner.supervision"), (trainer, "tests.run.scripted_trainer")):
        shown = process.cmdline()
        assert shown[:5] == command_line.of(module, run.path, 0, "")[:5]
        assert shown[5].isdigit()
        assert not any(shown[6:])
        assert process.cwd() == str(run.path)
        assert os.getsid(process.pid) == os.getpgid(process.pid) == process.pid
        assert process.nice() == os.nice(0)
    assert trainer.ppid() == pids.supervisor
    assert trainer_pid(run) == pids.trainer
    wait_for(lambda: "hello" in run.console.read_text(), 10, "it prints to its console")
    # A new screen's: nothing ties them to the one that made them.
    warm.close()
    made = read_history(run).step
    wait_for(lambda: read_history(run).step > made + 3, 10, "it trains on")
    os.kill(pids.trainer, signal.SIGTERM)
    assert over(run)["phase"] == "stopped"
    assert was_warm(run)


@pytest.mark.parametrize(("last", "words"), [("exit 7", "exit code 7"), ("kill 9", "SIGKILL")])
def test_how_a_warm_trainer_ended_is_known(
    warm: WarmStart, scripted: Scripted, last: str, words: str
) -> None:
    ready(warm)
    run = scripted(*scripted_lines(step(1)), last, warm=warm)
    state = over(run)
    assert state["phase"] == "failed"
    assert words in state["reason"]
    assert was_warm(run)


def test_a_warm_trainer_that_hangs_says_where(scripted: Scripted, impatient: None, warm: WarmStart) -> None:
    pids = ready(warm)
    script = ("stacks", *scripted_lines(phase("training"), plan(), *map(step, (1, 2, 3))), "sleep 600")
    run = scripted(*script, warm=warm)
    wait_for(lambda: read_json(run.state).get("silent_since"), 30, "a stall is told")
    assert "hangs in main (scripted_trainer.py:" in read_json(run.state)["silent_because"]
    requests.ask(run, Request.STOP_NOW)
    assert over(run)["phase"] == "stopped"
    assert was_warm(run)
    gone(pids.trainer)


def test_of_two_launches_at_once_one_is_warm(warm: WarmStart, scripted: Scripted) -> None:
    ready(warm)
    runs: list[RunDirectory] = []
    barrier = threading.Barrier(2)

    def work() -> None:
        barrier.wait()
        runs.append(scripted(*scripted_lines(step(1)), "exit 0", warm=warm))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for run in runs:
        over(run)
        assert read_history(run).step == 1
    assert sorted(event["warm"] for run in runs for event in starts(run)) == [False, True]


def test_it_goes_on_from_a_checkpoint(warm: WarmStart, scripted: Scripted) -> None:
    """The lock is free again, and the trainer is given the checkpoint."""
    run = scripted(*scripted_lines(step(1)), "exit 7")
    over(run)
    ready(warm)
    start_supervisor(run, "checkpoint-1", warm)
    pid = running(run)["trainer_pid"]
    assert over(run)["phase"] == "failed"
    assert was_warm(run)
    assert pid


def test_another_environment_starts_cold(
    warm: WarmStart, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = ready(warm)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    run = scripted(*scripted_lines(step(1)), "exit 0", warm=warm)
    gone(pids.supervisor, pids.trainer)
    over(run)
    assert read_history(run).step == 1
    assert "$OMP_NUM_THREADS" in why_cold(run)
    # The next one is made in that environment.
    ready(warm)
    again = scripted(*scripted_lines(step(1)), "exit 0", warm=warm)
    over(again)
    assert was_warm(again)


def test_a_stale_pair_is_replaced(
    warm: WarmStart, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = ready(warm)
    warm._prepare()
    assert ready(warm) == old
    monkeypatch.setenv("HF_HOME", "/elsewhere")
    warm._prepare()
    gone(old.supervisor, old.trainer)
    assert ready(warm) != old


def test_without_a_pair_it_starts_cold(warm: WarmStart, scripted: Scripted) -> None:
    run = scripted(*scripted_lines(step(1)), "exit 0", warm=warm)
    over(run)
    assert why_cold(run) == NO_SPARE


def test_the_next_pair_waits_for_the_first_step(warm: WarmStart, scripted: Scripted) -> None:
    first = ready(warm)
    run = scripted("until-asked", warm=warm)
    running(run)
    warm.prepare()
    assert not warm._closed.wait(0.5)
    assert warm._pair is None
    # Over without a step: nothing is left to wait for.
    requests.ask(run, Request.STOP)
    second = wait_for(lambda: warm._pair, 20, "another pair")
    assert second is not None
    assert second.process.pid != first.supervisor


def test_a_pair_that_nothing_asks_for_ends(warm: WarmStart, scripted: Scripted, home: Path) -> None:
    idle = WarmStart(home, "tests.spare_trainer", idle_seconds=2.0)
    pids = ready(idle)
    gone(pids.supervisor, pids.trainer)
    run = scripted(*scripted_lines(step(1)), "exit 0", warm=idle)
    over(run)
    assert read_history(run).step == 1
    assert not starts(run)[0]["warm"]


@pytest.mark.parametrize("text", ["warm_start: false\n", "warm_start: sometimes\n"])
def test_settings_can_forbid_it(warm: WarmStart, home: Path, text: str) -> None:
    home.mkdir()
    (home / "config.yaml").write_text(text)
    warm._prepare()
    assert warm._pair is None


def test_it_needs_memory(warm: WarmStart, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.supervision.warm.LEAST_FREE_MIB", 2048)
    monkeypatch.setattr("runner.host.memory_mib", lambda: (6200, 8192))
    warm._prepare()
    assert warm._pair is None


def test_a_path_of_imports_that_depends_on_the_folder(
    warm: WarmStart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "lib")
    warm._prepare()
    assert warm._pair is None
