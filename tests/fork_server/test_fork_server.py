"""A forked process is like one with an interpreter of its own, to itself and to those who look at it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from runner.supervision import signals
from tests.conftest import ROOT, wait_for
from tests.fork_server.client import ForkingPopen
from tests.fork_server.protocol import ADDRESS

# By the name of a module that is served.
COMMAND = [sys.executable, "-P", "-m", "tests.fork_server.report_self"]


@pytest.fixture(params=["forked", "cold"])
def how(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    if request.param == "cold":
        monkeypatch.setenv(ADDRESS, "")
    return str(request.param)


@pytest.fixture(autouse=True)
def heeding() -> Iterator[None]:
    """This process, and so what it starts, has the signals of one that was not started by `nohup` or a script's `&`."""
    handlers: dict[signal.Signals, Any] = {signal.SIGINT: signal.default_int_handler}
    handlers |= dict.fromkeys(signals.INHERITED, signal.SIG_DFL)
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def start(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*COMMAND, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options)


def told(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """What it says of itself."""
    assert process.stdout is not None
    found: dict[str, Any] = json.loads(process.stdout.readline())
    return found


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for fd in ends:
        os.close(fd)


def test_it_is_what_was_asked_for(
    how: str, tmp_path: Path, pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTUI_WORD", "Größe \udcff")
    with start("one", "zwei ß", cwd=tmp_path, pass_fds=(pipe[1],), start_new_session=True) as process:
        said = told(process)
        seen = psutil.Process(process.pid)
        assert seen.cmdline()[: len(COMMAND) + 2] == [*COMMAND, "one", "zwei ß"]
        assert seen.environ()["FTUI_WORD"] == "Größe \udcff"
        process.stdin.close()  # type: ignore[union-attr]
        assert process.wait(20) == 0
    assert isinstance(process, ForkingPopen)
    assert (process._server is not None) is (how == "forked")
    assert said["pid"] == said["session"] == said["group"] == process.pid
    assert said["cwd"] == str(tmp_path)
    assert said["argv"] == ["one", "zwei ß"]
    assert said["word"] == ascii("Größe \udcff")
    assert said["descriptors"] == [0, 1, 2, pipe[1]]
    assert said["path"] == str(ROOT)
    assert said["default"] == [number.value for number in (signal.SIGINT, *signals.INHERITED)]


@pytest.mark.parametrize(
    ("wish", "code"), [("exit 7", 7), ("raise", 1), ("say", 1), (f"kill {signal.SIGSEGV}", -11)]
)
def test_it_ends_as_it_would(how: str, wish: str, code: int) -> None:
    with start(*wish.split(), stderr=subprocess.PIPE) as process:
        told(process)
        assert process.poll() is None
        _, errors = process.communicate(timeout=20)
    assert process.returncode == process.poll() == code
    assert ("ValueError: asked for" in errors.decode()) is (wish == "raise")
    assert (errors.decode().strip() == "why") is (wish == "say")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it(how: str, number: int) -> None:
    with start(stderr=subprocess.DEVNULL) as process:
        told(process)
        process.send_signal(number)
        assert process.wait(20) == -number


def test_one_that_cannot_start_is_an_error(how: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        start(cwd=tmp_path / "nowhere")


def test_what_it_starts_is_changed_by_a_sitecustomize(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import os\nos.environ['FTUI_WORD'] = 'changed'\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    with start() as process:
        assert told(process)["word"] == ascii("changed")
        process.stdin.close()  # type: ignore[union-attr]


def test_it_outlives_the_one_who_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with start("start", stderr=subprocess.DEVNULL) as process:
        child = told(process)["child"]
        process.kill()
    assert psutil.pid_exists(child)
    os.kill(child, signal.SIGKILL)
    wait_for(lambda: not psutil.pid_exists(child), 10, "it is reaped")
