"""Runs driven by the scripted trainer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from runner.preset import files
from runner.store.directory import RunDirectory
from runner.supervision.launch import launch
from runner.supervision.warm import WarmStart
from tests.conftest import ROOT, kill_below
from tests.run.queued import Cards, Scene
from tests.stub_nvml import StubNvml

Scripted = Callable[..., RunDirectory]


@pytest.fixture
def scripted(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    """Launch a real run whose trainer follows the given lines; everything left alive is killed afterwards."""
    started: list[RunDirectory] = []
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def start(*lines: str, overrides: Sequence[str] = (), warm: WarmStart | None = None) -> RunDirectory:
        script = tmp_path / f"script{len(started)}"
        script.write_text("\n".join(lines) + "\n", encoding="utf-8")
        monkeypatch.setenv("FTUI_SCRIPT", str(script))
        run = launch(
            files.load("demo", home, overrides), home, "cpu", trainer="tests.run.scripted_trainer", warm=warm
        ).run
        started.append(run)
        return run

    yield start
    for run in started:
        kill_below(run.path)


@pytest.fixture
def impatient(scripted: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To supervisors started from now on two seconds are a long silence."""
    folder = tmp_path / "impatient"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "from runner.insight.diagnosis import operating_conditions\n"
        "from runner.supervision import monitor\n"
        "operating_conditions.SILENT_SECONDS, monitor.QUIET_SECONDS = 2.0, 0.2\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ["PYTHONPATH"]]))


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at a run judges it."""
    monkeypatch.setattr("runner.insight.diagnosis.throttled.PAUSE", 0.0)
    monkeypatch.setattr("tui.services.run_reader.JUDGE_SECONDS", 0.0)


@pytest.fixture
def scene(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """Real runs in a queue; everything left alive is killed afterwards."""
    made = Scene(home, tmp_path, monkeypatch)
    yield made
    made.close()


@pytest.fixture
def cards(stub: StubNvml, monkeypatch: pytest.MonkeyPatch) -> Cards:
    """GPUs that are not there."""
    return Cards(stub, monkeypatch)
