"""`subprocess.Popen` that asks a fork server for the processes it serves, and starts all others as ever."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.fork_server.protocol import ADDRESS, HEAVY, LIGHT, PADDING, REPLY, ROOM, STATUS, Asked, exactly

_PYTHON = sys.executable
_real = subprocess.Popen


class Servers:
    """The servers of this process and its descendants, started when the first process is asked for."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def ensure(self) -> None:
        """Raises OSError, and RuntimeError when it could not import what it is to fork: a module has another name."""
        with self._lock:
            if self._process is not None:
                return
            self._process = _real(
                [_PYTHON, "-P", "-m", "tests.fork_server", PADDING],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=self._root,
                env={**os.environ, "PYTHONPATH": str(self._root), **ROOM},
            )
            assert self._process.stdout is not None
            if not self._process.stdout.readline():
                raise RuntimeError("the server that tests fork from did not start; what it printed says why")

    def close(self) -> None:
        """They end when nothing can be asked of them any more."""
        with self._lock:
            if self._process is not None:
                self._process.communicate()
                self._process = None


_servers: Servers | None = None


def install(servers: Servers | None = None) -> None:
    """From now on this process asks the servers that $FTUI_TEST_FORK_SERVER names; these it starts itself."""
    global _servers
    _servers = servers
    subprocess.Popen = ForkingPopen  # type: ignore[misc]


def address(name: str, module: str) -> str:
    """Where the server of a module listens: in the abstract name space, so no file is left behind."""
    return f"\0{name}-{'torch' if module in HEAVY else 'light'}"


class ForkingPopen(_real):  # type: ignore[type-arg]
    """The same to those who use it: the server passes the exit status on."""

    _server: socket.socket | None = None

    def _execute_child(self, args: Any, executable: Any, preexec: Any, close: Any, *rest: Any) -> None:
        pass_fds, cwd, env, _, _, shell, *pipes = rest
        environment = dict(os.environ if env is None else env)
        plain = executable is None and preexec is None and close and not shell
        name = environment.get(ADDRESS)
        # After the three pairs of pipes and `restore_signals`: identities and umask, then `start_new_session`.
        new_session = bool(pipes[11])
        if not (
            name
            and plain
            and _is_served(args)
            and self._ask(name, args, cwd, environment, pass_fds, pipes, new_session)
        ):
            super()._execute_child(args, executable, preexec, close, *rest)  # type: ignore[misc]
            return
        self._close_pipe_fds(*pipes[:6])  # type: ignore[attr-defined]

    def _ask(
        self,
        name: str,
        args: Sequence[Any],
        cwd: Any,
        environment: dict[str, str],
        pass_fds: Sequence[int],
        pipes: Sequence[Any],
        new_session: bool,
    ) -> bool:
        """Whether the server has started it. Raises OSError where a real start does."""
        stdin, _, _, stdout, _, stderr = pipes[:6]
        standard = [own if given == -1 else given for own, given in enumerate((stdin, stdout, stderr))]
        command = [os.fsdecode(part) for part in args]
        folder = str(Path.cwd() / os.fsdecode(cwd if cwd is not None else ""))
        asked = Asked(command, folder, environment, [int(fd) for fd in pass_fds], new_session)
        connection = socket.socket(socket.AF_UNIX)
        try:
            if _servers is not None:
                _servers.ensure()
            connection.connect(address(name, asked.module))
            asked.send(connection, [*standard, *asked.numbers])
            reply = exactly(connection, REPLY.size)
        except OSError:
            connection.close()
            return False
        pid = REPLY.unpack(reply)[0] if reply else 0
        if pid <= 0:
            connection.close()
            if pid < 0:
                raise OSError(-pid, os.strerror(-pid), folder)
            return False
        self.pid, self._child_created, self._server = pid, True, connection
        return True

    def _status(self, wait: bool) -> int | None:
        """The wait status, if it has come; of a server that died with its children: killed."""
        assert self._server is not None
        self._server.setblocking(wait)
        try:
            data = exactly(self._server, STATUS.size)
        except BlockingIOError:
            return None
        self._server.close()
        return int(STATUS.unpack(data)[0]) if data else 9

    def _internal_poll(self, *rest: Any, **named: Any) -> int | None:
        if self._server is None:
            return super()._internal_poll(*rest, **named)  # type: ignore[misc, no-any-return]
        if self.returncode is None and self._waitpid_lock.acquire(False):  # type: ignore[attr-defined]
            try:
                if self.returncode is None and (status := self._status(wait=False)) is not None:
                    self._handle_exitstatus(status)  # type: ignore[attr-defined]
            finally:
                self._waitpid_lock.release()  # type: ignore[attr-defined]
        return self.returncode

    def _try_wait(self, flags: int) -> tuple[int, int]:
        if self._server is None:
            return super()._try_wait(flags)  # type: ignore[misc, no-any-return]
        status = self._status(wait=flags == 0)
        return (0, 0) if status is None else (self.pid, status)


def _is_served(args: Any) -> bool:
    return (
        isinstance(args, list)
        and len(args) > 3
        and args[:3] == [_PYTHON, "-P", "-m"]
        and (args[3] in LIGHT or args[3] in HEAVY)
    )
