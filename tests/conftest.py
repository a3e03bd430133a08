"""What every test gets: a home of its own, nothing of the developer's machine, and a way to wait for things."""

from __future__ import annotations

import contextlib
import gc
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import psutil
import pytest
from hypothesis import HealthCheck, settings

from runner.machine import trainers
from runner.supervision import freshness
from runner.supervision.warm import WarmStart
from tests import stub_nvml
from tests.fork_server import client as fork_client
from tests.fork_server.protocol import ADDRESS
from tests.stub_nvml import RTX_4090, StubNvml

# Two cores shared with training tests: slow examples say nothing about the code.
settings.register_profile(
    "ftui", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.load_profile("ftui")

T = TypeVar("T")
# Those that stand in for the real one.
TRAINERS = (
    "tests.faults.trainer",
    "tests.faults.quota_trainer",
    "tests.faults.nan_trainer",
    "tests.faults.telling_trainer",
    "tests.run.scripted_trainer",
    "tests.train.oom_trainer",
)
ROOT = Path(__file__).parent.parent

for name in ("CUDA_VISIBLE_DEVICES", "FTUI_ASCII", "NO_COLOR", "TMUX", "XDG_DATA_HOME"):
    os.environ.pop(name, None)
# Nothing is fetched in tests; loading code that would try says so at once.
os.environ["HF_HUB_OFFLINE"] = "1"
# As many busy threads as cores, with a worker for each core: training stands still.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["LC_ALL"] = "C.UTF-8"
os.environ[trainers.MORE] = ",".join(TRAINERS)
_is_worker = "PYTEST_XDIST_WORKER" in os.environ
if not _is_worker:
    os.environ[ADDRESS] = f"ftui-tests-{os.getpid()}-{secrets.token_hex(4)}"
_servers = fork_client.Servers(ROOT)
# Workers have those of the process that started them: what imports torch takes half a GiB and seconds.
fork_client.install(None if _is_worker else _servers)


def pytest_configure(config: pytest.Config) -> None:
    if not _is_worker and config.getoption("numprocesses", None):
        _servers.ensure()


def pytest_collection_finish() -> None:
    """Thousands of tests and all that they import live to the end: no garbage is looked for among them. Apps under test
    make objects by the hundred thousand; looking for garbage as often as by default took a quarter of their time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def pytest_unconfigure() -> None:
    _servers.close()


@pytest.fixture
def forked_ftui(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """`ftui` with an interpreter of its own, as a command; what it starts is forked."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    if not _is_worker:
        _servers.ensure()
    return [sys.executable, "-P", "-m", "tests.fork_server.asking", "tui.cli"]


@pytest.fixture
def cold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes are started as a user's are, each with an interpreter of its own (fork_server/)."""
    monkeypatch.setenv(ADDRESS, "")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """FTUI_HOME, new for every test."""
    folder = tmp_path / "home"
    monkeypatch.setenv("FTUI_HOME", str(folder))
    return folder


@pytest.fixture(autouse=True)
def no_spares(monkeypatch: pytest.MonkeyPatch) -> None:
    """No training stack is imported ahead for a test that does not ask for it: no memory is enough for that."""
    monkeypatch.setattr("runner.supervision.warm.LEAST_FREE_MIB", 1 << 40)


@pytest.fixture
def warm(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WarmStart]:
    """Warm starts of trainers that need no training stack."""
    monkeypatch.setattr("runner.supervision.warm.LEAST_FREE_MIB", 0)
    # pytest's own, of the part of a test that runs.
    changing = freshness.OF_THE_RUN | {"PYTEST_CURRENT_TEST"}
    monkeypatch.setattr("runner.supervision.freshness.OF_THE_RUN", changing)
    made = WarmStart(home, "tests.spare_trainer")
    yield made
    made.close()


@pytest.fixture(scope="session")
def stub_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stub_nvml.build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def stub(stub_library: Path, tmp_path: Path) -> StubNvml:
    """An NVML stub that reports one RTX 4090."""
    made = StubNvml(stub_library, tmp_path / "nvml.txt")
    made.set(**RTX_4090)
    return made


def wait_for(condition: Callable[[], T], seconds: float = 60.0, what: str = "") -> T:
    """The first truthy value of a condition; AssertionError when it does not come in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what or condition}")


def kill_below(folder: Path) -> None:
    """Kill every process that names something below a folder in its command line."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and any(str(folder) in part for part in process.cmdline()):
                process.kill()


@pytest.fixture
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory is an empty folder."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
