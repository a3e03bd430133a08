"""What makes a spare trainer stale; messages with descriptors; command lines that are rewritten."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from runner.store.directory import RunDirectory
from runner.supervision import freshness, handover
from runner.supervision.environment import trainer_environment

CPU: dict[str, Any] = {"gpu": None}


def signature(folder: Path, name: str = "a", **record: Any) -> freshness.Signature:
    """Of a trainer for a run of this name."""
    return freshness.signature(trainer_environment(RunDirectory(folder / name), record))


def card(uuid: str) -> dict[str, Any]:
    return {"gpu": {"uuid": uuid}}


def test_runs_are_alike_and_cards_too(tmp_path: Path) -> None:
    assert freshness.difference(signature(tmp_path, **CPU), signature(tmp_path, "b", **CPU)) == ""
    one, other = signature(tmp_path, **card("GPU-1")), signature(tmp_path, **card("GPU-2"))
    assert freshness.difference(one, other) == ""
    assert "$CUDA_VISIBLE_DEVICES" in freshness.difference(one, signature(tmp_path, **CPU))


@pytest.mark.parametrize(
    "name", ["OMP_NUM_THREADS", "GOMP_SPINCOUNT", "HF_HOME", "HF_HUB_OFFLINE", "HF_TOKEN"]
)
def test_a_variable_that_imports_may_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    before = signature(tmp_path, **CPU)
    monkeypatch.setenv(name, "hidden")
    assert freshness.difference(before, signature(tmp_path, **CPU)) == f"${name}"


def test_a_variable_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signature(tmp_path, **CPU)
    monkeypatch.setenv("FTUI_ASCII", "1")
    assert freshness.difference(before, signature(tmp_path, **CPU)) == ""


def test_files_of_ours_and_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "runner"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.setattr("runner.__file__", str(package / "__init__.py"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    before = signature(tmp_path, **CPU)
    # What running makes is no change.
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "x.pyc").write_bytes(b"")
    assert freshness.difference(before, signature(tmp_path, **CPU)) == ""
    os.utime(package / "__init__.py", (1, 1))
    assert freshness.difference(before, signature(tmp_path, **CPU)) == "ftui's own files"
    (tmp_path / "torch-9.dist-info").mkdir()
    assert "the installed packages" in freshness.difference(before, signature(tmp_path, **CPU))


def test_a_message_of_any_size_brings_its_descriptors(tmp_path: Path) -> None:
    one, other = socket.socketpair()
    message = {"environment": {"BIG": "x" * 1_000_000, "ODD": os.fsdecode(b"\xff\n")}}
    with one, other, (tmp_path / "file").open("w+b") as file:
        sending = threading.Thread(target=handover.send, args=(one, message, [file.fileno()]))
        sending.start()
        found = handover.receive(other)
        sending.join()
        assert found is not None
        assert found[0] == message
        (fd,) = found[1]
        assert not os.get_inheritable(fd)
        os.write(fd, b"here")
        os.close(fd)
        assert (tmp_path / "file").read_bytes() == b"here"
        one.sendall(b'{"half": ')
        one.close()
        assert handover.receive(other) is None


def test_nonsense_is_no_message(tmp_path: Path) -> None:
    one, other = socket.socketpair()
    with one, other:
        for text in (b"nonsense\n", b"[1]\n"):
            one.sendall(text)
            with pytest.raises(ValueError):
                handover.receive(other)
        other.settimeout(0.05)
        with pytest.raises(TimeoutError):
            handover.receive(other)


REWRITE = """
import sys
from pathlib import Path
from runner.supervision import command_line
for command in (["a\\0b"], ["x" * 5000]):
    try:
        command_line.rewrite(command)
    except ValueError as error:
        print(error)
command_line.rewrite(["python", "-P", "-m", "it", "ä b"])
print(Path("/proc/self/cmdline").read_bytes().rstrip(b"\\0").split(b"\\0"))
print(Path("/proc/self/environ").read_bytes().startswith(b"\\0"))
"""


def test_a_command_line_is_rewritten_within_its_room() -> None:
    command = [sys.executable, "-c", REWRITE, " " * 200]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert said[0] == "a NUL in a command line"
    assert said[1].startswith("a command line of 5001 bytes, where there is room for")
    assert said[2] == str([b"python", b"-P", b"-m", b"it", "ä b".encode()])
    assert said[3] == "False"
