"""A GPU that goes wrong in the middle of a run: the real nvidia-ml-py against the stub library, real supervisors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner.preset import files
from runner.run import requests
from runner.run.directory import RunDirectory, read_json, write_json
from runner.run.gpu_health import RECENT_SECONDS, GpuHealth
from runner.run.history import read_history
from runner.run.jsonl import LineTail
from runner.run.launch import make_run, start_supervisor
from runner.run.requests import Request
from runner.xids import FATAL, MEANING, NOTES, PROGRAM, Logged, Xid, logged
from tests.conftest import wait_for
from tests.run.conftest import Scripted
from tests.run.scenes import phase, plan, scripted_lines, step
from tests.run.test_supervise import over
from tests.stub_nvml import RTX_4090, StubNvml

XIDS = """
import itertools, sys
from runner.xids import XidWatch
watch = XidWatch(sys.argv[1])
for line in itertools.chain([""], sys.stdin):
    print([one.number for one in watch.poll()], flush=True)
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


def told_by(*xids: Xid, alone: bool | None = None, pid: int = 0) -> tuple[GpuHealth, list[str]]:
    told: list[str] = []
    health = GpuHealth({"gpu": None}, lambda name, words: told.append(words))
    health.judge({"problem": "", "is_alone": alone}, xids, pid)
    return health, told


@pytest.mark.parametrize("number", FATAL)
@pytest.mark.parametrize("alone", [True, False, None])
def test_an_error_of_the_whole_card_counts_whoever_was_there(number: int, alone: bool | None) -> None:
    health, told = told_by(Xid(number), alone=alone)
    assert health.trouble == f"Xid {number}: {FATAL[number]}"
    assert told == [f"The GPU: {health.trouble}."]


@pytest.mark.parametrize("number", PROGRAM)
def test_an_error_of_a_program_counts_only_where_it_is_ours(number: int) -> None:
    ours, told = told_by(Xid(number), alone=True)
    assert ours.trouble.startswith(f"Xid {number}: ")
    assert "program is not known" not in told[0]
    for alone in (False, None):
        others, told = told_by(Xid(number), alone=alone)
        assert others.trouble == ""
        assert told == [f"The GPU: Xid {number}: {PROGRAM[number]} (of which program is not known)."]


def test_the_kernels_log_knows_whose_it_was() -> None:
    ours, _ = told_by(Xid(13, (os.getpid(),)), alone=False, pid=os.getpid())
    assert ours.trouble.startswith("Xid 13")
    theirs, told = told_by(Xid(13, (1,)), alone=True, pid=os.getpid())
    assert theirs.trouble == ""
    assert "of another program, process 1; not of this run" in told[0]


@pytest.mark.parametrize("number", NOTES)
def test_what_stops_no_program_is_told_and_no_more(number: int) -> None:
    health, told = told_by(Xid(number), alone=True)
    assert health.trouble == ""
    assert told == [f"The GPU: Xid {number}: {NOTES[number]}."]


def test_it_is_forgotten_when_the_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    health, _ = told_by(Xid(48))
    assert health.trouble
    then = time.monotonic() + RECENT_SECONDS
    monkeypatch.setattr("runner.run.gpu_health.time.monotonic", lambda: then)
    assert health.trouble == ""


KERNEL = """\
6,1806,90000,-;usb 1-1: new device
4,1807,90126,-;NVRM: Xid (PCI:0000:c6:00): 13, pid=1101234, name=python, Graphics Exception
4,1808,90127,-;NVRM: Xid (PCI:0000:c6:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.
 DEVICE=+pci:0000:c6:00.0
4,1809,90128,-;NVRM: Xid (PCI:0000:c6:00): 31, pid='77', name=python, Ch 00000008
"""


def test_processes_are_read_from_the_kernels_log(tmp_path: Path) -> None:
    log = tmp_path / "kmsg"
    log.write_text(KERNEL)
    assert logged(log) == [Logged(1807, 13, 1101234), Logged(1809, 31, 77)]
    assert logged(tmp_path / "none") == []
    assert logged(tmp_path) == []


def test_new_lines_of_the_kernels_log_go_with_the_errors(
    stub: StubNvml, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a process of its own: NVML is started there."""
    log = tmp_path / "kmsg"
    log.write_text(KERNEL)
    stub.set(**RTX_4090)
    code = f"""
import sys
from pathlib import Path
from runner import host, xids
xids.KERNEL_LOG = Path({str(log)!r})
host.sees_every_pid = lambda: sys.argv[1] == "host"
watch = xids.XidWatch({RTX_4090["uuid"]!r})
print("ready", flush=True)
input()
print(watch.poll(), watch.poll(), flush=True)
"""
    for where, pids in (("host", "(4711,)"), ("container", "()")):
        stub.set(**RTX_4090)
        log.write_text(KERNEL)
        with subprocess.Popen(
            [sys.executable, "-c", code, where],
            env=stub.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as child:
            assert child.stdout is not None
            assert child.stdin is not None
            assert child.stdout.readline() == "ready\n"
            with log.open("a") as stream:
                stream.write("4,1810,90129,-;NVRM: Xid (PCI:0000:c6:00): 13, pid=4711, name=python\n")
            stub.set(**RTX_4090, xid="13")
            child.stdin.write("\n")
            child.stdin.flush()
            assert child.stdout.readline() == f"[Xid(number=13, pids={pids})] []\n"


def test_a_slice_hears_of_its_own_errors_and_of_its_cards(stub: StubNvml) -> None:
    card = {**RTX_4090, "mig": "1", "mig_count": "2", "0.0__uuid": "MIG-a", "0.1__uuid": "MIG-b"}
    card |= {"0.0__gpu_instance": "1", "0.1__gpu_instance": "2", "compute_instance": "0"}
    stub.set(**card)
    with subprocess.Popen(
        [sys.executable, "-u", "-c", XIDS, "MIG-b"],
        env=stub.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        heard = [json.loads(child.stdout.readline())]
        for xid in ("13@1", "31@2", "48"):
            stub.set(**card, xid=xid)
            child.stdin.write("\n")
            child.stdin.flush()
            heard.append(json.loads(child.stdout.readline()))
    assert heard == [[], [], [31], [48]]


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


def newest_card(run: RunDirectory) -> dict[str, Any]:
    """The newest sample of the run's card."""
    return dict(([{}, *LineTail(run.system).read_all()])[-1].get("gpu", {}))
