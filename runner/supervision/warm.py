"""Warm starts: while a preset is edited or a launch is asked for, a supervisor and its trainer are started ahead. They
import the training stack and wait for the run (docs/warm-start.md). Whatever is wrong with them, the launch is cold.

One spare pair at a time, and it belongs to this process: it hears of the run over a socket pair, and ends with that.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from runner.store import locks
from runner.store.directory import RunDirectory, read_json, runs_folder
from runner.supervision import command_line, freshness, handover, spare
from runner.supervision.environment import anchored, trainer_environment
from runner.supervision.freshness import Signature
from runner.supervision.imports_ahead import QUIET, USUAL, answer_seconds

TRAINER = "runner.train.spare"
# It takes half a gigabyte, and a run takes more.
LEAST_FREE_MIB = 2048
# Enough for editing a preset, not for a night.
IDLE_SECONDS = 1200.0
POLL_SECONDS = 1.0
NO_SPARE = "no spare trainer was there"


@dataclass(frozen=True)
class Pair:
    """A supervisor and its trainer that wait for a run, and what they were made of."""

    process: subprocess.Popen[bytes]
    connection: socket.socket
    signature: Signature
    nice: int

    @property
    def lives(self) -> bool:
        return self.process.poll() is None

    def end(self) -> None:
        """End it, and wait for that: it has nothing to save. Its trainer ends with it."""
        self.connection.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class WarmStart:
    """Keeps a spare pair for the next launch from this process. Any thread may use it."""

    def __init__(self, home: Path, trainer: str = TRAINER, idle_seconds: float = IDLE_SECONDS) -> None:
        self._home, self._trainer, self._idle_seconds = home, trainer, idle_seconds
        self._lock = threading.Lock()
        self._is_preparing = False
        self._pair: Pair | None = None
        self._last: RunDirectory | None = None
        self._closed = threading.Event()

    def prepare(self, soon: bool = False) -> None:
        """See to it, in a thread, that a spare pair is there soon: unless the settings forbid it, memory is short, or
        nothing can be trained here. Its imports have the lowest priority, unless a launch is to be expected `soon`.
        """
        with self._lock:
            if self._is_preparing or self._closed.is_set():
                return
            self._is_preparing = True
        try:
            threading.Thread(target=self._prepare, args=(soon,), name="warm start", daemon=True).start()
        except RuntimeError:
            # The system starts no thread: launches are cold.
            with self._lock:
                self._is_preparing = False

    def start(self, run: RunDirectory, checkpoint: str, console: int, lock: int) -> str:
        """Have the spare pair supervise and train a run, given its console and lock; returns '' when it does, else why
        not, and then nothing of it lives any more.
        """
        with self._lock:
            pair, self._pair, self._last = self._pair, None, run
        if pair is None:
            return NO_SPARE
        try:
            why = freshness.difference(pair.signature, self._signature(run))
            if not why:
                why = self._hand_over(pair, run, checkpoint, [console, lock])
        except TimeoutError:
            why = "it did not answer"
        except (OSError, ValueError) as error:
            why = str(error) or "it died"
        if why:
            pair.end()
            return f"the spare trainer could not be used: {why}"
        pair.connection.close()
        # While this process lives, it is the supervisor's parent: it has to take its exit code.
        with contextlib.suppress(RuntimeError):
            threading.Thread(target=pair.process.wait, name=f"reap {run.id}", daemon=True).start()
        return ""

    def close(self) -> None:
        """No spare pair from now on."""
        with self._lock:
            self._closed.set()
            pair, self._pair = self._pair, None
        if pair is not None:
            pair.end()

    def _hand_over(self, pair: Pair, run: RunDirectory, checkpoint: str, descriptors: list[int]) -> str:
        request = {"run": str(run.path), "checkpoint": checkpoint, "environment": anchored(os.environ)}
        pair.connection.settimeout(answer_seconds(pair.nice))
        handover.send(pair.connection, request, descriptors)
        answer = handover.receive(pair.connection)
        return "it died" if answer is None else str(answer[0].get("why", ""))

    def _signature(self, run: RunDirectory) -> Signature:
        return freshness.signature(trainer_environment(run, read_json(run.run)))

    def _prepare(self, soon: bool = False) -> None:
        try:
            if self._may() and self._makes_steps():
                self._renew(soon)
        except OSError:
            # Without one, launches are cold.
            return
        finally:
            with self._lock:
                self._is_preparing = False

    def _makes_steps(self) -> bool:
        """Wait until the last launched run makes steps, or is over: it needs the processor until then. False when this
        is closed meanwhile.
        """
        while (last := self._last) is not None and locks.is_held(last.lock):
            step = read_json(last.state).get("step")
            if isinstance(step, int) and step > 0:
                break
            if self._closed.wait(POLL_SECONDS):
                return False
        return not self._closed.is_set()

    def _renew(self, soon: bool) -> None:
        """Replace the spare pair unless it is as fresh as a new one would be."""
        environment = self._environment()
        wanted = freshness.signature(environment)
        with self._lock:
            pair = self._pair
            if pair is not None and pair.lives and not freshness.difference(pair.signature, wanted):
                return
            self._pair = None
        if pair is not None:
            pair.end()
        made = self._made(environment, wanted, USUAL if soon else QUIET)
        with self._lock:
            if not self._closed.is_set():
                self._pair = made
                return
        made.end()

    def _environment(self) -> dict[str, str]:
        """Of the trainer of a run on what a launch takes by itself: the GPU with most free memory, else the CPU."""
        from runner import gpu

        best = max(gpu.read().healthy, key=lambda sample: sample.free_mib or 0, default=None)
        chosen = None if best is None else best.gpu.as_record()
        return trainer_environment(RunDirectory(runs_folder(self._home) / "spare"), {"gpu": chosen})

    def _may(self) -> bool:
        from runner import host
        from runner.config import ConfigError, load_config
        from runner.machine.training_stack import missing_packages

        try:
            wanted = load_config(self._home).warm_start
        except ConfigError:
            # The supervisor of the next run warns of it.
            return False
        used, total = host.memory_mib()
        return (
            wanted
            and total - used >= LEAST_FREE_MIB
            and not missing_packages()
            and freshness.is_absolute(os.environ)
        )

    def _made(self, environment: dict[str, str], signature: Signature, nice: int) -> Pair:
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [
                    sys.executable,
                    *("-P", "-m", spare.MODULE, str(theirs.fileno()), self._trainer),
                    *(str(nice), str(self._idle_seconds), str(self._home), command_line.padding(self._home)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env=environment,
                pass_fds=(theirs.fileno(),),
                cwd="/",
            )
        return Pair(process, ours, signature, nice)
