"""A GPU that falls off the bus, and a driver that is replaced, under a run that trains on it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from runner.store.directory import RunDirectory
from runner.store.events import Phase
from runner.store.jsonl import LineTail
from runner.supervision.gpu_reader import HANGS, HANGS_AFTER_SECONDS
from tests.conftest import wait_for
from tests.faults.scene import (
    Scene,
    finished,
    ftui,
    goes_on,
    kept,
    kill,
    nothing_lost,
    over,
    processes,
    shown,
    trains,
)
from tests.stub_nvml import RTX_4090, StubNvml
from tui.services.run_reader import read_view

LAUNCH = """
import os, sys
from pathlib import Path
from runner.preset import files
from runner.supervision.launch import launch
home = Path(os.environ["FTUI_HOME"])
print(launch(files.load("demo", home), home, "4090", trainer="tests.faults.trainer").run.path)
"""


@pytest.fixture
def run(scene: Scene, stub: StubNvml) -> RunDirectory:
    """A run on the stub's card, held at step 6 after the card was seen to be well."""
    (scene.folder / "hold").write_text("training")
    done = subprocess.run(
        [sys.executable, "-c", LAUNCH], env=stub.environment, capture_output=True, text=True, check=True
    )
    started = RunDirectory(Path(done.stdout.strip()))
    scene.held()
    assert card(started)["used_mib"] == 14 * 1024
    return started


def card(run: RunDirectory) -> dict[str, Any]:
    """The newest sample of the card."""
    samples = wait_for(lambda: LineTail(run.system).read_all(), 20)
    return dict(samples[-1]["gpu"])


@pytest.mark.parametrize(
    ("broken", "words"),
    [({"memory_total": "!15"}, "the GPU is lost"), ({"count": "!18"}, "the driver was updated, reboot")],
    ids=["15", "18"],
)
@pytest.mark.fault(
    "NVML answers with an error in mid-run ({words})", "said in words; the run goes on; figures come back"
)
def test_nvml_fails(
    scene: Scene, stub: StubNvml, run: RunDirectory, broken: dict[str, str], words: str
) -> None:
    before = kept(run)
    stub.set(**RTX_4090 | broken)
    wait_for(lambda: words in card(run).get("problem", ""), 10, "it is said")
    problem = read_view(run).system["gpu"]["problem"]
    assert words in problem
    assert any(words in warning for warning in read_view(run).warnings)
    assert read_view(run).phase is Phase.TRAINING
    stub.set(**RTX_4090)
    wait_for(lambda: card(run).get("used_mib") == 14 * 1024 and not card(run)["problem"], 10, "it is back")
    scene.release()
    finished(run)
    nothing_lost(run, *before)


@pytest.mark.fault(
    "the GPU is lost and the trainer dies of it", "failed, and by what; with the GPU back it goes on"
)
def test_a_lost_gpu_kills(scene: Scene, stub: StubNvml, run: RunDirectory) -> None:
    before = kept(run)
    stub.set(**RTX_4090 | {"memory_total": "!15"})
    wait_for(lambda: "lost" in card(run).get("problem", ""), 10)
    with run.console.open("a") as console:
        console.write("RuntimeError: CUDA error: unspecified launch failure\n")
    kill(processes(run)["trainer_pid"], 6)
    over(run)
    found = shown(run)
    assert found.phase is Phase.FAILED
    assert "the GPU is lost (fallen off the bus)" in found.reason
    assert "SIGABRT" in found.reason
    assert "ftui resume" in read_view(run).hint
    nothing_lost(run, *before)
    stub.set(**RTX_4090)
    scene.release()
    goes_on(run, 4)
    nothing_lost(run, *before)


@pytest.mark.fault(
    "the driver hangs: no call into NVML comes back",
    "said in words; the run trains on and is stopped at once",
)
def test_the_driver_hangs(scene: Scene, stub: StubNvml, run: RunDirectory) -> None:
    stub.set(**RTX_4090, hang="1")
    wait_for(lambda: card(run).get("problem") == HANGS, 30, "it is said")
    assert any(HANGS in warning for warning in read_view(run).warnings)
    (scene.folder / "pace").write_text("2")
    scene.release()
    trains(run)
    before = kept(run)
    asked = time.monotonic()
    ftui("stop", run.id, "--now")
    over(run)
    assert time.monotonic() - asked < HANGS_AFTER_SECONDS
    assert shown(run).phase is Phase.STOPPED
    nothing_lost(run, *before)
