"""How long `ftui` takes to its first paint with 50 runs in the store: `python -m tests.benchmarks.first_paint`.

The screen is drawn in a pseudo-terminal; the clock stops when the name of a run is in what was written to it. Given as
seconds and as a ratio to starting Python with textual imported, measured beside it.
"""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import ioctl
from pathlib import Path

import pytest

from tests.data.record import FOLDER

RUNS = 50
ROUNDS = 5
ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")


@contextmanager
def compiled() -> Iterator[None]:
    """What is started meanwhile finds its modules compiled, as in an installed ftui; nothing is written beside
    the sources.
    """
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPYCACHEPREFIX", folder)
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        textual_import("tui.app", "tui.cli", "runner.store.parallel_read")
        yield


def fill(home: Path) -> None:
    """A store of 50 recorded runs."""
    for i in range(RUNS):
        source = sorted(FOLDER.iterdir())[i % 2]
        shutil.copytree(source, home / "runs" / f"202611{i % 28 + 1:02d}-0{i % 10}0000-run{i}-{i:04x}")


def first_paint(home: Path) -> float:
    """Seconds from exec to a run's name on the screen."""
    started = time.perf_counter()
    child, terminal = pty.fork()
    if child == 0:
        os.environ |= {"FTUI_HOME": str(home), "TERM": "xterm-256color"}
        os.execv(sys.executable, [sys.executable, "-P", "-m", "tui.cli"])
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    seen = b""
    while b"run27" not in ESCAPES.sub(b"", seen):
        if time.perf_counter() - started > 20:
            raise RuntimeError("no run on the screen within 20 s")
        if select.select([terminal], [], [], 1)[0]:
            seen += os.read(terminal, 65536)
    seconds = time.perf_counter() - started
    os.kill(child, 9)
    os.waitpid(child, 0)
    os.close(terminal)
    return seconds


def textual_import(*more: str) -> float:
    """Seconds to start Python and import textual's app: what no Textual program can be faster than."""
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", f"import {', '.join(('textual.app', 'textual.widgets', *more))}"], check=True
    )
    return time.perf_counter() - started


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, compiled():
        fill(Path(folder))
        first_paint(Path(folder))
        paints = [first_paint(Path(folder)) for _ in range(ROUNDS)]
        imports = [textual_import() for _ in range(ROUNDS)]
    paint, floor = statistics.median(paints), statistics.median(imports)
    print(
        json.dumps(
            {
                "runs": RUNS,
                "first_paint_s": round(paint, 3),
                "textual_import_s": round(floor, 3),
                "ratio": round(paint / floor, 2),
                "cpus": os.cpu_count(),
            }
        )
    )


if __name__ == "__main__":
    main()
