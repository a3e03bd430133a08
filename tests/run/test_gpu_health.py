"""A GPU that goes wrong in the middle of a run: the real nvidia-ml-py against the stub library, real supervisors."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner.preset import files
from runner.store import requests
from runner.store.directory import RunDirectory, read_json, write_json
from runner.store.history import read_history
from runner.store.jsonl import LineTail
from runner.store.requests import Request
from runner.supervision.gpu_health import GpuHealth
from runner.supervision.launch import make_run
from runner.supervision.start import start_supervisor
from tests.conftest import wait_for
from tests.run.conftest import Scripted
from tests.run.scenes import phase, plan, scripted_lines, step
from tests.run.test_supervise import over
from tests.stub_nvml import RTX_4090, StubNvml


def test_every_trouble_is_told_once_and_its_end_too() -> None:
    told: list[tuple[str, str]] = []
    health = GpuHealth({"gpu": None}, lambda name, words: told.append((name, words)))
    lost = {"problem": "the GPU is lost"}
    for sample in ({}, lost, lost, {"problem": ""}, {"problem": ""}):
        health.judge(sample)
    assert told == [("gpu", "The GPU: the GPU is lost."), ("gpu", "The GPU answers again.")]
    assert health.trouble == ""


Weather = Callable[..., None]


@pytest.fixture
def weather(stub: StubNvml, monkeypatch: pytest.MonkeyPatch) -> Weather:
    """Supervisors started from now on see the stub's card."""
    for key in ("LD_LIBRARY_PATH", "FTUI_STUB_NVML"):
        monkeypatch.setenv(key, stub.environment[key])

    def change(**values: str) -> None:
        stub.set(**{**RTX_4090, **values})

    change()
    return change


def gpu_run(home: Path, script: Path, monkeypatch: pytest.MonkeyPatch, *lines: str) -> RunDirectory:
    script.write_text("\n".join(lines) + "\n")
    monkeypatch.setenv("FTUI_SCRIPT", str(script))
    loaded = files.load("demo", home)
    run = make_run(loaded, home, "demo", None, "tests.run.scripted_trainer")
    card = {"index": 0, "uuid": RTX_4090["uuid"], "name": RTX_4090["name"], "total_mib": 24576}
    write_json(run.run, {**read_json(run.run), "gpu": card})
    start_supervisor(run)
    return run


def test_a_lost_gpu_is_told_while_it_trains_and_is_the_reason_of_its_death(
    scripted: Scripted, weather: Weather, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = gpu_run(home, tmp_path / "s", monkeypatch, "until-stop", "exit 1")
    wait_for(lambda: len(read_history(run).train) > 3)
    weather(xid="79", memory_total="!15", memory_free="!15")
    told = wait_for(lambda: [str(w["message"]) for w in read_history(run).warnings if w.get("id") == "xid"])
    assert "Xid 79: it has fallen off the bus" in told[0]
    steps = len(read_history(run).train)
    pid = int(read_json(run.state)["trainer_pid"])
    subprocess.run(["kill", "-9", str(pid)], check=True)
    state = over(run)
    assert state["phase"] == "failed"
    assert "The GPU failed: the GPU is lost" in state["reason"]
    history = read_history(run)
    assert "ftui resume" in history.error["hint"]
    assert len(history.train) >= steps


def test_a_driver_that_comes_back_costs_nothing(
    scripted: Scripted, weather: Weather, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = gpu_run(home, tmp_path / "s", monkeypatch, "until-stop")
    wait_for(lambda: len(read_history(run).train) > 3)
    weather(count="!999")
    wait_for(lambda: any("unknown error" in str(w["message"]) for w in read_history(run).warnings))
    weather()
    wait_for(lambda: any("answers again" in str(w["message"]) for w in read_history(run).warnings))
    requests.ask(run, Request.STOP)
    assert over(run)["phase"] == "stopped"
    assert read_history(run).checkpoints == [len(read_history(run).train)]


def test_a_stall_beside_a_busy_neighbour_is_seen(
    impatient: None, weather: Weather, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The card is at 97 %, all of it by another program."""
    lines = scripted_lines(phase("training"), plan(), *(step(i) for i in range(1, 11)))
    run = gpu_run(home, tmp_path / "s", monkeypatch, *lines, "sleep 600")
    pid = wait_for(lambda: int(read_json(run.state).get("trainer_pid") or 0))
    weather(processes=f"{pid}:{6 << 30},1:{8 << 30}", process_utilisation=f"1:97,{pid}:60")
    wait_for(lambda: newest_card(run).get("own_utilisation_percent") == 60)
    assert newest_card(run)["own_mib"] == 6 * 1024
    assert newest_card(run)["is_alone"] is False
    assert read_json(run.state)["verdict"] != "died or stalled"
    weather(processes=f"{pid}:{6 << 30},1:{8 << 30}", process_utilisation="1:97")
    wait_for(lambda: read_json(run.state).get("verdict") == "died or stalled", 30)
    requests.ask(run, Request.STOP_NOW)
    over(run)


def test_an_error_of_a_neighbour_is_not_what_a_run_died_of(
    scripted: Scripted, weather: Weather, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = gpu_run(home, tmp_path / "s", monkeypatch, "until-stop")
    pid = wait_for(lambda: int(read_json(run.state).get("trainer_pid") or 0))
    busy = {"processes": f"{pid}:{6 << 30},1:{8 << 30}"}
    weather(**busy)
    wait_for(lambda: newest_card(run).get("is_alone") is False)
    weather(**busy, xid="13")
    told = wait_for(lambda: [str(w["message"]) for w in read_history(run).warnings if w.get("id") == "xid"])
    assert "of which program is not known" in told[0]
    subprocess.run(["kill", "-9", str(pid)], check=True)
    assert "GPU" not in over(run)["reason"].replace("not the GPU's", "")


def test_what_killed_a_run_is_heard_though_it_came_with_its_death(
    scripted: Scripted, weather: Weather, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = gpu_run(home, tmp_path / "s", monkeypatch, "until-stop")
    pid = wait_for(lambda: int(read_json(run.state).get("trainer_pid") or 0))
    weather(processes=f"{pid}:{6 << 30}")
    wait_for(lambda: newest_card(run).get("is_alone") is True)
    subprocess.run(["kill", "-9", str(pid)], check=True)
    weather(xid="31")
    assert "The GPU failed: Xid 31: a kernel read or wrote memory it does not have" in over(run)["reason"]


def newest_card(run: RunDirectory) -> dict[str, Any]:
    """The newest sample of the run's card."""
    return dict(([{}, *LineTail(run.system).read_all()])[-1].get("gpu", {}))
