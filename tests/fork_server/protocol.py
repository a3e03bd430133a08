"""What a request for a process says, and which modules are served by which server."""

from __future__ import annotations

import json
import os
import socket
import struct
from dataclasses import asdict, dataclass
from typing import Any

# Names the servers of a test session; empty or missing: every start is a real one.
ADDRESS = "FTUI_TEST_FORK_SERVER"

LIGHT = frozenset(
    {
        "runner.report",
        "runner.supervision",
        "tests.faults.ftui",
        "tests.faults.impatient",
        "tests.faults.on_terminal",
        "tests.faults.telling_trainer",
        "tests.faults.trainer",
        "tests.fork_server.report_self",
        "tests.run.scripted_trainer",
        "tui.cli",
    }
)
# Those that import torch.
HEAVY = frozenset(
    {
        "runner.train",
        "runner.train.probe",
        "runner.train.raw",
        "runner.train.xray",
        "tests.faults.quota_trainer",
        "tests.faults.nan_trainer",
        "tests.foreign.train_tiny",
        "tests.train.oom_trainer",
    }
)
# Read by the loader, the interpreter or a library as it starts: with other values than the server's a start is real.
FROZEN = ("LD_", "LC_", "LANG", "PYTHON", "OMP_", "MKL_", "HF_", "CUDA_VISIBLE", "TEXTUAL")
# Taken on by a child all the same (child.py), of no consequence without a GPU, or pytest's own.
NOT_FROZEN = frozenset(
    {
        "PYTHONPATH",
        "PYTHONUNBUFFERED",
        "LD_LIBRARY_PATH",
        "HF_HUB_DISABLE_TELEMETRY",
        "TEXTUAL_SNAPSHOT_TEMPDIR",
    }
)

# Room for a command line, and for an environment: both are memory of a process, as long as they were when it began.
PADDING = "x" * 4000
ROOM = {"FTUI_TEST_FORK_ROOM": "x" * 16000}

_LENGTH = struct.Struct("I")
STATUS = struct.Struct("i")
# The process id, or an errno below zero; 0 for "start it yourself".
REPLY = struct.Struct("i")


@dataclass(frozen=True)
class Asked:
    """A process that is wanted. Its descriptors go along: stdin, stdout, stderr, and those for `numbers`."""

    command: list[str]
    cwd: str
    environment: dict[str, str]
    numbers: list[int]
    new_session: bool

    @property
    def module(self) -> str:
        return self.command[3]

    def send(self, connection: socket.socket, descriptors: list[int]) -> None:
        data = json.dumps(asdict(self)).encode("utf-8", "surrogateescape")
        socket.send_fds(connection, [_LENGTH.pack(len(data))], descriptors)
        connection.sendall(data)

    @staticmethod
    def receive(connection: socket.socket) -> tuple[Asked, list[int]]:
        """Raises EOFError when the one who asks is gone."""
        length, descriptors, _, _ = socket.recv_fds(connection, _LENGTH.size, 64)
        data = exactly(connection, _LENGTH.unpack(length)[0]) if len(length) == _LENGTH.size else b""
        if not data:
            for one in descriptors:
                os.close(one)
            raise EOFError
        fields: dict[str, Any] = json.loads(data.decode("utf-8", "surrogateescape"))
        return Asked(**fields), descriptors


def exactly(connection: socket.socket, size: int) -> bytes:
    """So many bytes; b'' when the other end is closed before."""
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            return b""
        data += part
    return data


def frozen(environment: dict[str, str]) -> dict[str, str]:
    """The part of an environment that a process cannot take on after its start; empty values are as good as none."""
    return {
        name: value
        for name, value in environment.items()
        if value and name.startswith(FROZEN) and name not in NOT_FROZEN
    }
