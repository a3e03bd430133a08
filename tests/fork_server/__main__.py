"""`python -P -m tests.fork_server PADDING`: the servers of one test session. They live as long as their stdin."""

from __future__ import annotations

import fcntl
import gc
import importlib
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
import warnings

from tests.fork_server import child, client
from tests.fork_server.protocol import ADDRESS, LIGHT, PADDING, REPLY, STATUS, Asked, frozen

LISTENING = "FTUI_TEST_FORK_LISTENING"
# Imported by most that are asked for. A trainer without torch imports the real one's outer part.
LIGHT_MODULES = (
    "runner.commands.enqueue",
    "runner.queue.waiting",
    "runner.report.markdown",
    "runner.supervision.supervisor",
    "runner.train.stacks",
    "tests.faults.scene",
    "tests.run.scripted_trainer",
    "tui.app",
    "tui.cli.run",
)
TORCH_MODULES = ("torch", "transformers", "trl", "peft", "bitsandbytes", "datasets")


class Server:
    """Forks what is asked for on one socket, and tells those who asked how it ended."""

    def __init__(self, listening: socket.socket, other: socket.socket | None) -> None:
        self._listening, self._other = listening, other
        self._frozen = frozen(dict(os.environ))
        self._children: dict[int, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._wake, wake = socket.socketpair()
        self._wake.setblocking(False)
        wake.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        self._kept = wake
        for one in (listening, self._wake, 0):
            self._selector.register(one, selectors.EVENT_READ)
        if other is not None:
            self._selector.register(other, selectors.EVENT_READ)

    def serve(self) -> None:
        """Until the session is over."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj == 0:
                    return
                if key.fileobj is self._wake:
                    self._reap()
                elif key.fileobj is self._other:
                    self._start_other()
                else:
                    self._fork()

    def _reap(self) -> None:
        self._wake.recv(4096)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            connection = self._children.pop(pid, None)
            if connection is not None:
                with connection:
                    _tell(connection, STATUS.pack(status))

    def _fork(self) -> None:
        connection = _high(self._listening.accept()[0])
        try:
            asked, descriptors = Asked.receive(connection)
        except (EOFError, OSError):
            connection.close()
            return
        if frozen(asked.environment) != self._frozen:
            _tell(connection, REPLY.pack(0))
            connection.close()
        else:
            pid = os.fork()
            if pid == 0:
                self._let_go(connection)
                child.become(asked, descriptors, connection)
            self._children[pid] = connection
        for fd in descriptors:
            os.close(fd)

    def _let_go(self, kept: socket.socket) -> None:
        """In a child: nothing of the server's."""
        self._selector.close()
        for one in (self._listening, self._other, self._wake, self._kept, *self._children.values()):
            if one is not None and one is not kept:
                one.close()

    def _start_other(self) -> None:
        """The server with torch, at the first that is asked of it: not every session needs it."""
        assert self._other is not None
        self._selector.unregister(self._other)
        number = self._other.fileno()
        # As a trainer on the CPU has them (runner/supervision/environment.py); libgomp reads its own as it is loaded.
        environment = os.environ | {
            LISTENING: str(number),
            "GOMP_SPINCOUNT": "1000",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "TOKENIZERS_PARALLELISM": "false",
        }
        subprocess.Popen(
            [sys.executable, "-P", "-m", "tests.fork_server", PADDING],
            env=environment,
            pass_fds=(number,),
        )
        self._other.close()
        self._other = None


def _tell(connection: socket.socket, data: bytes) -> None:
    try:
        connection.sendall(data)
    except OSError:
        return


def _reserve() -> list[int]:
    """Keep the numbers below FIRST_OWN from whatever opens something while it is imported."""
    fds = []
    while (fd := os.open(os.devnull, os.O_RDONLY)) < child.FIRST_OWN:
        fds.append(fd)
    os.close(fd)
    return fds


def _import_light() -> None:
    for name in (*LIGHT_MODULES, *sorted(LIGHT)):
        importlib.import_module(name)


def _import_torch() -> None:
    from runner.redaction.streams import guard_streams

    # Before: transformers keeps the stream it finds for its log.
    guard_streams()
    for name in TORCH_MODULES:
        importlib.import_module(name)
    from runner import train

    for module in pkgutil.iter_modules(train.__path__, "runner.train."):
        if module.name != "runner.train.make_demo":
            importlib.import_module(module.name)
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__


def _listen(name: str, module: str) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(client.address(name, module))
    listening.listen(64)
    return _high(listening)


def _high(one: socket.socket) -> socket.socket:
    """The same socket under a number of ours."""
    with one:
        return socket.socket(fileno=fcntl.fcntl(one.fileno(), fcntl.F_DUPFD_CLOEXEC, child.FIRST_OWN))


def main() -> None:
    # Of Python 3.12 and later: the threads of imported libraries (OpenBLAS, jemalloc) wait and hold no lock.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    given = os.environ.pop(LISTENING, None)
    other = None
    if given is None:
        name = os.environ[ADDRESS]
        other, listening = _listen(name, "runner.train"), _listen(name, "tui.cli")
    else:
        listening = _high(socket.socket(fileno=int(given)))
    reserved = _reserve()
    _import_torch() if given is not None else _import_light()
    if given is None:
        print("listening", flush=True)
    for fd in reserved:
        os.close(fd)
    client.install()
    gc.collect()
    gc.freeze()
    Server(listening, other).serve()


if __name__ == "__main__":
    main()
