"""What a screen holds that stands for long: `python -m tests.benchmarks.long_life [--quick]`.

The real command in a pseudo-terminal. Measured, as ratios within one run:
    night     a run of 576,000 steps (eight hours of 20 a second), written as fast as the screen follows: resident
              memory, descriptors and threads after a quarter, a half and all of it
    store     20,000 runs in the store, and after half of them were removed
What a step costs is what its columns take; all else has to stay.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from runner.store import locks
from runner.store.directory import runs_folder
from tests.benchmarks.follow import MIB, Terminal, make_run, step_line

NIGHT, STORE = 576_000, 20_000
PIECES = 64
SECONDS = 600.0


def held(pid: int) -> dict[str, float]:
    process = psutil.Process(pid)
    return {
        "rss_mib": round(process.memory_info().rss / MIB),
        "descriptors": process.num_fds(),
        "threads": process.num_threads(),
    }


def wait(terminal: Terminal, condition: Callable[[], bool], what: str) -> None:
    until = time.perf_counter() + SECONDS
    while not condition():
        if time.perf_counter() > until:
            raise RuntimeError(f"not within {SECONDS} s: {what}\n{terminal.text()}")
        terminal.read(0.1)


def night(steps: int) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        run = make_run(Path(folder), 1000, steps)
        lock = locks.take(run.lock)
        terminal = Terminal(Path(folder), run)
        wait(terminal, lambda: "step 1,000/" in text(terminal), "the first steps")
        found["at the start"] = held(terminal.child)
        written = 1000
        for piece in range(1, PIECES + 1):
            last = 1000 + (steps - 1000) * piece // PIECES
            with run.events.open("a", encoding="utf-8") as stream:
                stream.writelines(step_line(step, 1.5, steps) for step in range(written + 1, last + 1))
            written = last
            wait(terminal, lambda last=last: f"step {last:,}/" in text(terminal), f"step {last:,}")  # type: ignore[misc]
            if piece in (PIECES // 4, PIECES // 2, PIECES):
                found[f"after {100 * piece // PIECES} %"] = held(terminal.child)
        terminal.close()
        assert lock is not None
        locks.release(lock)
    return found


def text(terminal: Terminal) -> str:
    """With thousands marked, however the screen writes them."""
    return re.sub(r"\d{4,}", lambda number: f"{int(number[0]):,}", terminal.text())


def store(runs: int) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        run = make_run(home, 1000, 1000)
        for number in range(runs):
            one = (
                runs_folder(home)
                / f"20261{number // 10_000}01-00{number % 10_000:04d}-short-{number % 65_536:04x}"
            )
            one.mkdir()
            state = {"phase": "finished", "step": 3, "total_steps": 3, "losses": [1.0] * 40}
            (one / "state.json").write_text(json.dumps(state))
        terminal = Terminal(home, run)
        wait(terminal, lambda: "short" in terminal.text(), "the list")
        settle(terminal)
        found = {f"{runs:,} runs": held(terminal.child)}
        for one in sorted(runs_folder(home).glob("*-short-*"))[: runs // 2]:
            shutil.rmtree(one)
        settle(terminal)
        found["half of them removed"] = held(terminal.child)
        terminal.close()
    return found


def settle(terminal: Terminal) -> None:
    """Let it look at the store some times."""
    until = time.perf_counter() + 20
    while time.perf_counter() < until:
        terminal.read(0.1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="a tenth of each")
    share = 10 if parser.parse_args().quick else 1
    measured = {"night": night(NIGHT // share), "store": store(STORE // share)}
    for name, rows in measured.items():
        base = next(iter(rows.values()))["rss_mib"]
        print(name)
        for when, figures in rows.items():
            said = "  ".join(f"{key} {value:,.0f}" for key, value in figures.items())
            print(f"  {when:<22} {said}  rss ×{figures['rss_mib'] / base:.2f}")


if __name__ == "__main__":
    main()
