"""`python -P -m tests.fork_server.report_self …`: says what it is, waits for the end of stdin, and ends as asked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from runner.supervision import signals


def is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def main() -> int:
    arguments = sys.argv[1:]
    numbers = (signal.SIGINT, *signals.INHERITED)
    said: dict[str, Any] = {
        "pid": os.getpid(),
        "session": os.getsid(0),
        "group": os.getpgid(0),
        "cwd": str(Path.cwd()),
        "argv": arguments,
        "word": ascii(os.environ.get("FTUI_WORD", "")),
        "descriptors": [fd for fd in range(100) if is_open(fd)],
        "path": sys.path[0],
        "default": [
            number.value
            for number in numbers
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler)
        ],
    }
    if arguments == ["start"]:
        # It holds none of our pipes: a test waits for their end.
        said["child"] = subprocess.Popen(
            [sys.executable, "-P", "-m", "tests.fork_server.report_self", "sleep"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        ).pid
    print(json.dumps(said), flush=True)
    if arguments == ["sleep"]:
        signal.pause()
    sys.stdin.read()
    match arguments:
        case ["exit", code]:
            return int(code)
        case ["raise"]:
            raise ValueError("asked for")
        case ["say"]:
            sys.exit("why")
        case ["kill", number]:
            os.kill(os.getpid(), int(number))
    return 0


if __name__ == "__main__":
    sys.exit(main())
