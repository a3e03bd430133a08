"""Reading more of runs than the screen follows, each time in a thread."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from runner.machine import training_stack
from runner.store.directory import RunDirectory
from tui.messages import LogRead, RowsFound, RunsCompared
from tui.services.actions import in_thread
from tui.services.run_reader import RunSource
from tui.services.service import Post

SECONDS = 120.0
MOST_TEXTS = 16
LOG_LINES = 50_000
LOG_BYTES = 8 << 20


def compare(post: Post, targets: Sequence[RunSource]) -> None:
    """Read runs for comparing; posts RunsCompared or ActionFailed."""

    def work() -> None:
        from runner.commands.compare import read_all

        post(RunsCompared(tuple(read_all([target.place for target in targets]))))

    in_thread(post, "Cannot be compared", work)


def rows(post: Post, run: RunDirectory, steps: tuple[int, ...], with_text: bool) -> None:
    """Find the data rows that some steps saw; posts RowsFound, or ActionFailed when their text cannot be read."""

    def work() -> None:
        from runner.store.rows import rows_of

        found = rows_of(run, steps)
        names = list(dict.fromkeys(name for step in steps for name in found.get(step, [])))
        post(RowsFound(found, texts(run, names[:MOST_TEXTS]) if with_text and names else {}))

    in_thread(post, "Rows not read", work)


def log(post: Post, path: str) -> None:
    """Read a run's whole log, of a very long one the end; posts LogRead."""

    def work() -> None:
        from runner.store import console

        post(LogRead(path, tuple(console.last_lines(Path(path) / "console.log", LOG_LINES, LOG_BYTES))))

    in_thread(post, "Log not read", work)


def texts(run: RunDirectory, names: Sequence[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """The rows as they stand in their files. Raises OSError or RuntimeError."""
    done = subprocess.run(
        training_stack.command("runner.train.raw", run.preset, json.dumps(names)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise RuntimeError(lines[-1] if lines else "The process that reads rows ended without a word.")
    found = json.loads(done.stdout)
    return {name: found[key] for name in names if (key := f"{name[0]}:{name[1]}") in found}
