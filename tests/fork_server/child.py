"""What a forked process does to be the one that was asked for."""

from __future__ import annotations

import atexit
import ctypes
import errno
import fcntl
import importlib
import importlib.util
import os
import resource
import signal
import socket
import sys
import threading
import traceback
import types
from pathlib import Path
from typing import IO

from runner.redaction.blotting import look_again
from tests.fork_server import pace
from tests.fork_server.protocol import REPLY, Asked

# Descriptors below are for those that are asked for by number; a server opens its own above.
FIRST_OWN = 128
NVML = "libnvidia-ml.so.1"

_LIMITS = (resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_AS, resource.RLIMIT_CORE)


def become(asked: Asked, descriptors: list[int], connection: socket.socket) -> None:
    """Be this process, and end as it ends."""
    try:
        _take_limits(connection)
        if asked.new_session:
            os.setsid()
        os.chdir(asked.cwd)
        _take_descriptors(descriptors, [0, 1, 2, *asked.numbers])
        _reset_signals()
        _take_path(os.environ.get("PYTHONPATH", ""), asked.environment.get("PYTHONPATH", ""))
        os.environ.clear()
        os.environ.update(asked.environment)
        _take_libraries(asked.environment.get("LD_LIBRARY_PATH", ""))
        _show(asked)
    except OSError as error:
        connection.sendall(REPLY.pack(-(error.errno or 1)))
        os._exit(127)
    connection.sendall(REPLY.pack(os.getpid()))
    connection.close()
    code = 1
    try:
        code = _run(asked)
    finally:
        os._exit(code)


def _take_limits(connection: socket.socket) -> None:
    """Those of the one who asks."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    pid = int.from_bytes(credentials[:4], sys.byteorder)
    for limit in _LIMITS:
        resource.setrlimit(limit, resource.prlimit(pid, limit))


def _take_descriptors(given: list[int], numbers: list[int]) -> None:
    """Each of these under its number, and no other below FIRST_OWN."""
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, FIRST_OWN) for fd in given]
    os.closerange(3, FIRST_OWN)
    for fd, number in zip(high, numbers, strict=True):
        os.dup2(fd, number)
        os.close(fd)


def _reset_signals() -> None:
    """As a new interpreter has them, whatever the server was started from."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        if number < signal.SIGRTMIN:
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _take_path(old: str, new: str) -> None:
    """Where modules are looked for that are not imported yet."""
    ours = old.split(os.pathsep)
    sys.path[:] = [part for part in new.split(os.pathsep) if part] + [
        part for part in sys.path if part not in ours
    ]


def _take_libraries(path: str) -> None:
    """The loader reads LD_LIBRARY_PATH as a process starts; a library that is there already is found by its name."""
    for folder in path.split(os.pathsep):
        library = Path(folder) / NVML
        if folder and library.is_file():
            ctypes.CDLL(str(library))


def _show(asked: Asked) -> None:
    """Let /proc, and so every other process, see this command line and environment."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    # Where they lie in memory: fields 48 to 51 of proc(5); the first of these is the third.
    command_from, command_to, environment_from, environment_to = map(int, fields[45:49])
    environment = [f"{name}={value}" for name, value in asked.environment.items()]
    _overwrite(command_from, command_to, asked.command)
    _overwrite(environment_from, environment_to, environment)
    sys.orig_argv[:] = asked.command


def _overwrite(start: int, end: int, strings: list[str]) -> None:
    data = b"".join(os.fsencode(one) + b"\0" for one in strings)
    if len(data) > end - start:
        raise OSError(errno.E2BIG, os.strerror(errno.E2BIG))
    ctypes.memmove(start, data.ljust(end - start, b"\0"), end - start)


def _run(asked: Asked) -> int:
    """The module, as `python -P -m MODULE …` runs it; returns the exit code."""
    if not asked.environment.get("PYTHONUNBUFFERED"):
        for stream in (sys.stdout, sys.stderr):
            _as_at_start(stream)
    else:
        sys.stdout.reconfigure(write_through=True)  # type: ignore[union-attr]
    # With the path of the one who asks: tests change what a process does by a sitecustomize of their own.
    sys.modules.pop("sitecustomize", None)
    if importlib.util.find_spec("sitecustomize") is not None:
        importlib.import_module("sitecustomize")
    # Of the secrets in the server's environment.
    look_again()
    pace.hurry(asked.environment)
    code: object = 0
    try:
        run_module(asked.module, asked.command[4:])
    except SystemExit as ended:
        code = ended.code
    except KeyboardInterrupt:
        _flush()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:
        traceback.print_exc()
        code = 1
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    _flush()
    return (code or 0) & 255


def run_module(name: str, arguments: list[str]) -> None:
    """Run a module as the program."""
    spec = importlib.util.find_spec(name)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = importlib.util.find_spec(f"{name}.__main__")
    if spec is None or spec.loader is None or spec.origin is None:
        raise ImportError(f"No module named {name}")
    code = spec.loader.get_code(spec.name)  # type: ignore[attr-defined]
    main = types.ModuleType("__main__")
    main.__dict__.update(
        __spec__=spec,
        __file__=spec.origin,
        __package__=spec.parent,
        __loader__=spec.loader,
        __builtins__=__builtins__,
    )
    sys.modules["__main__"] = main
    sys.argv[:] = [spec.origin, *arguments]
    exec(code, main.__dict__)


def _as_at_start(stream: IO[str]) -> None:
    """Of a terminal a line is shown when it is whole; of a file, a block."""
    stream.reconfigure(line_buffering=stream is sys.stderr or stream.isatty())  # type: ignore[attr-defined]


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue
