"""Runs of other machines on a shared home: no process of theirs can be seen here."""

from __future__ import annotations

import json
import os
import time

import psutil
import pytest

from runner.store import directory, disk_usage
from runner.store.directory import RunDirectory, read_json
from runner.store.events import Phase
from runner.store.jsonl import LineTail
from tests.faults.scene import (
    Scene,
    ftui,
    goes_on,
    over,
    shown,
)
from tests.faults.scene import processes as pids_of


def of_another_host(run: RunDirectory, age: float) -> None:
    """As it looks on a shared home: its processes and its locks are another machine's."""
    for path in (run.lock, run.trainer_lock):
        record = json.loads(path.read_text())
        path.write_text(json.dumps({**record, "host": "gpu-box-2", "boot": "another"}))
    directory.write_json(run.state, {**read_json(run.state), "updated_at": time.time() - age})
    samples = [{**sample, "t": float(sample["t"]) - age} for sample in LineTail(run.system).read_all()]
    run.system.write_text("".join(json.dumps(sample) + "\n" for sample in samples))
    for path in (run.system, run.events, run.console, run.state):
        if path.exists():
            os.utime(path, (time.time() - age, time.time() - age))


@pytest.mark.fault(
    "what another machine's run left is copied here, with times of now",
    "lost at once: its own records say when it was",
)
def test_a_copy_of_another_machine_s_run(dead: RunDirectory) -> None:
    of_another_host(dead, 86_400)
    for path in dead.path.iterdir():
        os.utime(path)
    assert shown(dead).phase is Phase.LOST
    goes_on(dead, 4)


@pytest.mark.fault(
    "a run of another machine's on a shared home wrote a moment ago",
    "shown as it is, and where it runs; nothing is started or deleted here",
)
def test_another_machine_s_run(scene: Scene) -> None:
    run = scene.start("training")
    for pid in pids_of(run).values():
        psutil.Process(pid).kill()
    over(run)
    of_another_host(run, 0)
    assert shown(run).phase is Phase.TRAINING
    assert "gpu-box-2" in shown(run).reason
    assert disk_usage.holding(run).removable == ()
    assert "gpu-box-2" in ftui("show", run.id)
    ftui("resume", run.id, "--detach", code=1)


@pytest.mark.fault(
    "a run of another machine's on a shared home has been silent for a day", "lost; it goes on here"
)
def test_another_machine_s_run_that_is_gone(dead: RunDirectory) -> None:
    of_another_host(dead, 86_400)
    assert shown(dead).phase is Phase.LOST
    goes_on(dead, 4)
