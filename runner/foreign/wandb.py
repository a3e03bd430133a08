"""Weights & Biases runs on disk, offline ones for instance, read through the program `wandb`.

The format of .wandb files is W&B's own, and since 0.31 no Python reader of it is shipped: `wandb leet inspect`
is the supported way. It is a program of its own, so nothing of it is imported here.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

from runner.foreign.checkpoints import checkpoints
from runner.foreign.logbook import Events
from runner.foreign.names import flat
from runner.foreign.trace import Trace, TraceError
from runner.foreign.values import number
from runner.store.jsonl import READ_BYTES, LineTail, Record

# latest-run is a link to one of the others, and may be all that was copied.
PATTERNS = (
    "run-*.wandb",
    "*run-*/run-*.wandb",
    "latest-run/run-*.wandb",
    "wandb/*run-*/run-*.wandb",
    "wandb/latest-run/run-*.wandb",
)
# An evaluation of a large model can keep a run silent for longer than the program's own ten minutes.
IDLE_TIMEOUT = "24h"
END_SECONDS = 5
SILENT_SECONDS = 60


def find(path: Path) -> WandbRun | None:
    """A .wandb file, or the newest run in a folder. TraceError without the program."""
    if path.is_file():
        return WandbRun(path) if path.suffix == ".wandb" else None
    files = {file.resolve() for pattern in PATTERNS for file in path.glob(pattern)}
    newest = sorted(files, key=lambda file: file.stat().st_mtime, reverse=True)
    if not newest:
        return None
    found = WandbRun(newest[0])
    found.others = tuple(str(file) for file in newest[1:])
    return found


def program() -> str | None:
    """Where `wandb` is: on the PATH, or beside the Python that runs this."""
    beside = Path(sys.executable).with_name("wandb")
    return shutil.which("wandb") or (str(beside) if os.access(beside, os.X_OK) else None)


class WandbRun(Trace):
    """Follows a .wandb file. Raises TraceError from `poll` when the program says that it cannot read it."""

    kind = "W&B offline"

    def __init__(self, path: Path) -> None:
        """Raises TraceError when the program is not installed."""
        super().__init__(path, path.stem)
        command = program()
        if command is None:
            raise TraceError(
                f"{path}: W&B runs are read by the program wandb, which is not installed.\n"
                "Install it: pip install 'wandb>=0.31'"
            )
        self._command = command
        self._lines = LineTail(path)
        self._pending = b""
        self._is_read = False
        self._has_records = False
        self._is_of_trainer = False
        self._heard = time.monotonic()
        self._running: _Program | None = None

    @property
    def _process(self) -> _Program:
        """Started when it is needed first: many are found and not read."""
        if self._running is None:
            self._heard = time.monotonic()
            self._running = _Program(self._command, self.path, self.follow)
        return self._running

    @property
    def is_busy(self) -> bool:
        """Until it has ended, so that its exit code is known; one that says nothing for long is not waited for."""
        is_running = not self._is_read or self._process.code is None
        return not self.follow and is_running and time.monotonic() - self._heard < SILENT_SECONDS

    def poll(self) -> Events:
        for line in self._read().splitlines():
            if (record := self._lines.parse(line)) is not None:
                self._has_records = True
                self._take(record)
        has_failed = self._is_read and self._process.code not in (None, 0)
        if has_failed and not self._has_records:
            self._fail()
        # A file damaged further on is as good as what was read of it.
        self.bad_lines = self._lines.bad_lines + has_failed
        # <output directory>/wandb/<run>/<file>
        self.book.add_checkpoints(checkpoints(self.path.parents[2]) if len(self.path.parents) > 2 else [])
        return self.book.take()

    def close(self) -> None:
        if self._running is not None:
            self._running.close()

    def _read(self) -> bytes:
        """The whole lines there are now; never waits."""
        data = b""
        while len(data) < READ_BYTES and not self._is_read:
            try:
                piece = os.read(self._process.out.fileno(), READ_BYTES)
            except BlockingIOError:
                break
            self._is_read = not piece
            self._heard = time.monotonic()
            data += piece
        whole, newline, self._pending = (self._pending + data).rpartition(b"\n")
        return whole + newline

    def _fail(self) -> None:
        said = self._process.errors().split("\n")
        last = next((line.strip() for line in reversed(said) if line.strip()), "no reason given")
        raise TraceError(f"{self.path}: wandb could not read it: {last}\nIt needs wandb 0.31 or later.")

    def _take(self, record: Record) -> None:
        kind = record.get("type")
        body = record.get(kind) if isinstance(kind, str) else None
        if not isinstance(body, dict):
            return
        if kind == "history":
            self._take_history(_dict(body.get("item")))
        elif kind == "run":
            self.name = self.book.name = str(body.get("display_name") or self.name)
            self.book.facts.take_arguments(_dict(_dict(body.get("config")).get("update")))
        elif kind == "config":
            self.book.facts.take_arguments(_dict(body.get("update")))
        elif kind == "exit" and body.get("exit_code") == 0:
            self.book.is_complete = True

    def _take_history(self, item: Record) -> None:
        # W&B's own step counts calls of log(), train and eval ones alike.
        named = number(item.get("train/global_step"))
        if named is not None and not self._is_of_trainer:
            self._is_of_trainer = True
            self.book.facts.assume_hidden()
        # A Trainer's epochs are shares of the data; those of others are counted.
        self.book.facts.counts_epochs = not self._is_of_trainer
        step = named if self._is_of_trainer else number(item.get("_step"))
        logs = {flat(tag): value for tag, value in item.items() if not tag.startswith("_")}
        if logs and step is not None and math.isfinite(step):
            t = number(item.get("_timestamp"))
            self.book.add(int(step), logs, math.nan if t is None else t)


class _Program:
    """The program that reads a .wandb file, while it runs."""

    def __init__(self, command: str, path: Path, follow: bool) -> None:
        options = ["--follow", "--idle-timeout", IDLE_TIMEOUT] if follow else []
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed by close)
        self._process = subprocess.Popen(
            [command, "leet", "inspect", *options, "--json", str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            # The program starts another; both are ended as one group.
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self.out = self._process.stdout
        os.set_blocking(self.out.fileno(), False)

    @property
    def code(self) -> int | None:
        """Its exit code, None while it runs."""
        return self._process.poll()

    def errors(self) -> str:
        """What it has said on stderr."""
        self._errors.seek(0)
        return self._errors.read().decode("utf-8", errors="replace")

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self.out.close()
        self._errors.close()


def _dict(value: object) -> Record:
    return value if isinstance(value, dict) else {}
