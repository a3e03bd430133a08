"""Xid errors: heard from the driver, told from those of others, forgotten after a while."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runner.supervision.gpu_health import RECENT_SECONDS, GpuHealth
from runner.xids import FATAL, MEANING, NOTES, PROGRAM, Logged, Xid, logged
from tests.stub_nvml import RTX_4090, StubNvml

XIDS = """
import itertools, sys
from runner.xids import XidReader
watch = XidReader(sys.argv[1])
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


def told_by(*xids: Xid, alone: bool | None = None, pid: int = 0) -> tuple[GpuHealth, list[str]]:
    told: list[str] = []
    health = GpuHealth({"gpu": None}, lambda name, words: told.append(words))
    health.judge({"problem": "", "is_alone": alone}, xids, pid)
    return health, told


@pytest.mark.parametrize("number", FATAL)
@pytest.mark.parametrize("alone", [True, False, None])
def test_an_error_of_the_whole_card_counts_always(number: int, alone: bool | None) -> None:
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


def test_a_neighbour_that_goes_wrong_all_the_time_is_told_of_once() -> None:
    health, told = told_by(Xid(13), Xid(13), Xid(31), alone=False)
    health.judge({"problem": "", "is_alone": False}, [Xid(13)])
    assert [words.split(":")[1] for words in told] == [" Xid 13", " Xid 31"]


def test_it_is_forgotten_when_the_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    health, _ = told_by(Xid(48))
    assert health.trouble
    then = time.monotonic() + RECENT_SECONDS
    monkeypatch.setattr("runner.supervision.gpu_health.time.monotonic", lambda: then)
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


def test_new_lines_of_the_kernels_log_go_with_the_errors(stub: StubNvml, tmp_path: Path) -> None:
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
watch = xids.XidReader({RTX_4090["uuid"]!r})
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
