"""Training for real, on the CPU, with the demo's model. Demo runs are made once a session by the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from runner.preset import files
from runner.preset.schema import Preset
from runner.store import directory
from runner.store.directory import RunDirectory
from runner.store.events import EventLog
from runner.store.history import History, read_history
from runner.train.__main__ import train
from runner.train.stop_flag import StopFlag
from tests.fork_server.protocol import ADDRESS

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The training stack warns about itself; that is not ours to fail on."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("default"))


@dataclass(frozen=True)
class CommandRun:
    """A run made by `ftui run … --plain` without a terminal."""

    run: RunDirectory
    exit_code: int
    output: str

    @property
    def history(self) -> History:
        return read_history(self.run)


def command_run(home: Path, *arguments: str, cold: bool = False) -> CommandRun:
    """Run `ftui run` to its end; `cold` with nothing but real starts, at a user's pace."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tui.cli", "run", *arguments],
        env={**os.environ, "FTUI_HOME": str(home), **({ADDRESS: ""} if cold else {})},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    return CommandRun(directory.list_runs(home)[0], done.returncode, done.stdout + done.stderr)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> CommandRun:
    """The shipped demo, trained."""
    return command_run(tmp_path_factory.mktemp("demo"), "demo", cold=True)


@pytest.fixture(scope="session")
def demo_overfit(tmp_path_factory: pytest.TempPathFactory) -> CommandRun:
    """The shipped overfitting demo, trained."""
    return command_run(tmp_path_factory.mktemp("overfit"), "demo-overfit")


Trained = Callable[..., RunDirectory]


@pytest.fixture
def trained(home: Path) -> Trained:
    """Train the demo with settings changed, in this process."""

    def run_it(*overrides: str, preset: str = "demo") -> RunDirectory:
        run, loaded = prepared(home, *overrides, preset=preset)
        log = EventLog(run)
        train(loaded, run, log, StopFlag(run, log))
        return run

    return run_it


def prepared(home: Path, *overrides: str, preset: str = "demo") -> tuple[RunDirectory, Preset]:
    """A run directory with its preset frozen in it, not started."""
    loaded = files.load(preset, home, overrides)
    run = directory.create(home, loaded.name)
    files.dump(loaded.preset, run.preset)
    return run, loaded.preset
