"""A trainer's process that was started before there was a run, as its supervisor sees it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from runner.machine import training_stack
from runner.store.directory import RunDirectory
from runner.supervision import command_line, handover
from runner.supervision.imports_ahead import answer_seconds


class SpareTrainer:
    """Imports the training stack and waits for one run. It is this process's child, so how it ends is known."""

    def __init__(self, module: str, home: Path, nice: int) -> None:
        """Start it with the environment of this process. Raises OSError."""
        # Here: a screen imports this module, and has no use for that one.
        import tempfile

        self._answer_seconds = answer_seconds(nice)
        self._connection, theirs = socket.socketpair()
        # What importing prints belongs on the console of a run, and there is none yet.
        with theirs, tempfile.TemporaryFile() as printed:
            self._process = subprocess.Popen(
                training_stack.command(module, theirs.fileno(), nice, home, command_line.padding(home)),
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=printed,
                start_new_session=True,
                pass_fds=(theirs.fileno(),),
                # Each run has a working directory of its own; -P keeps it off the path of imports.
                cwd="/",
            )

    def take_over(
        self,
        run: RunDirectory,
        trainer: str,
        checkpoint: str,
        environment: Mapping[str, str],
        descriptors: Sequence[int],
    ) -> subprocess.Popen[bytes] | str:
        """Have it train a run, given console, lock and, if there is one, lease; returns its process, or why it does
        not, and then it has ended.
        """
        request = {
            "run": str(run.path),
            "trainer": trainer,
            "checkpoint": checkpoint,
            "environment": dict(environment),
        }
        try:
            self._connection.settimeout(self._answer_seconds)
            handover.send(self._connection, request, descriptors)
            answer = handover.receive(self._connection)
            why = "it died" if answer is None else str(answer[0].get("why", ""))
        except TimeoutError:
            why = "it did not answer"
        except (OSError, ValueError) as error:
            why = str(error) or "it died"
        if not why:
            self._connection.close()
            return self._process
        self.end()
        return why

    def end(self) -> None:
        """End it, and wait for that: it has nothing to save."""
        self._connection.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
