"""A GPU that goes wrong in the middle of a run: the real nvidia-ml-py against the stub library, real supervisors."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.preset import files
from runner.run import requests
from runner.run.directory import RunDirectory, read_json, write_json
from runner.run.gpu_health import MEANING, GpuHealth
from runner.run.history import read_history
from runner.run.launch import make_run, start_supervisor
from runner.run.requests import Request
from tests.conftest import wait_for
from tests.run.conftest import Scripted
from tests.run.test_supervise import over
from tests.stub_nvml import RTX_4090, StubNvml

XIDS = """
import sys
from runner import gpu
watch = gpu.XidWatch(sys.argv[1])
print(watch.poll())
for line in sys.stdin:
    print(watch.poll(), flush=True)
"""


def test_xids_are_told_as_they_come(stub: StubNvml) -> None:
    stub.set(**RTX_4090, xid="13")
    with subprocess.Popen(
        [sys.executable, "-u", "-c", XIDS, RTX_4090["uuid"]],
        env=stub.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdin is not None and child.stdout is not None
        # The one from before is no news.
        assert json.loads(child.stdout.readline()) == []
        stub.set(**RTX_4090, xid="79")
        child.stdin.write("\n")
        child.stdin.flush()
        assert json.loads(child.stdout.readline()) == [79]
        child.stdin.close()
    assert child.returncode == 0


@pytest.mark.parametrize("uuid", ["GPU-other", ""])
def test_a_gpu_that_is_not_there_has_no_xids(stub: StubNvml, uuid: str) -> None:
    stub.set(**RTX_4090)
    done = subprocess.run(
        [sys.executable, "-c", XIDS, uuid],
        env=stub.environment,
        input="\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("\n")[:2] == ["[]", "[]"]


def test_every_trouble_is_told_once_and_its_end_too() -> None:
    told: list[tuple[str, str]] = []
    health = GpuHealth({"gpu": None}, lambda name, words: told.append((name, words)))
    lost = {"problem": "the GPU is lost"}
    for sample in ({}, lost, lost, {"problem": ""}, {"problem": ""}):
        health.judge(sample)
    assert told == [("gpu", "The GPU: the GPU is lost."), ("gpu", "The GPU answers again.")]
    assert health.trouble == ""


def test_meanings_are_sentences_without_their_end() -> None:
    assert all(words and not words.endswith(".") for words in MEANING.values())


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
