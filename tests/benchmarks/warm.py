"""From the key that launches the demo to its first optimizer step, cold and warm: `python -m tests.benchmarks.warm`.

In the real app, without a terminal, the launch dialog is opened; the clock starts when enter is pressed and stops when
the first step is on the screen. Each time it is a new app in a process of its own, cold and warm by turns; the preset's
data were looked at before. Before a warm launch the spare trainer is waited for until it is idle; how long that takes
is given too.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from textual import events
from textual.pilot import Pilot

from runner.check import xray
from runner.preset import files
from runner.store import directory
from runner.store.event_tail import EventTail
from tests.conftest import kill_below
from tests.spares import was_warm
from tests.tui.conftest import running, screen_text, until
from tui.app import FtuiApp
from tui.screens.dialog import LaunchDialog
from tui.widgets.preset_list import PresetList

ROUNDS = 5
SECONDS = 120.0
POLL_SECONDS = 0.005
# So long without any processor time it is idle.
IDLE_SECONDS = 1.0


async def measure(home: Path, warm: bool) -> dict[str, float]:
    """Seconds until the first step was made, and until it was on the screen."""
    async with running((120, 40)) as (app, pilot):
        presets = app.main.query_one(PresetList)
        await until(pilot, lambda: presets.option_count and app.main.gpus is not None)
        presets.focus()
        presets.highlighted = [card.name for card in app.main.cards].index("demo")
        opened = time.time()
        await pilot.press("l")
        await until(pilot, lambda: isinstance(app.screen, LaunchDialog))
        ready = await idle(app, pilot) - opened if warm else 0.0
        started = time.time()
        app.post_message(events.Key("enter", None))
        made = await first_step(home) - started
        if warm != was_warm(directory.list_runs(home)[0]):
            raise RuntimeError("a warm start was cold")
        while "step 1" not in screen_text(pilot):
            await asyncio.sleep(POLL_SECONDS)
        return {"made": made, "shown": time.time() - started, "ready": ready}


async def idle(app: FtuiApp, pilot: Pilot[None]) -> float:
    """When the spare trainer of an app had come to rest."""
    await until(pilot, lambda: app.main.warm._pair is not None)
    pair = app.main.warm._pair
    assert pair is not None
    seen, since = -1.0, time.time()
    while time.time() - since < IDLE_SECONDS:
        await asyncio.sleep(0.1)
        # Its command line is there before it has a child.
        family = [psutil.Process(pair.process.pid), *psutil.Process(pair.process.pid).children()]
        used = sum(sum(one.cpu_times()[:2]) for one in family)
        if used > seen or len(family) < 2:
            seen, since = used, time.time()
    return since


async def first_step(home: Path) -> float:
    """When the first step was made, by the event's own time."""
    deadline = time.time() + SECONDS
    while not (runs := directory.list_runs(home)):
        await asyncio.sleep(POLL_SECONDS)
    tail = EventTail(runs[0].events)
    while time.time() < deadline:
        for event in tail.read():
            if event.get("type") == "step":
                return float(event["t"])
            if event.get("type") == "end":
                raise RuntimeError(str(event.get("reason")))
        await asyncio.sleep(POLL_SECONDS)
    raise RuntimeError(f"no step within {SECONDS} s")


def one(kind: str) -> None:
    """One launch; prints its figures."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ["FTUI_HOME"] = folder
        xray.complete(files.load("demo", home).preset, home)
        (home / "config.yaml").write_text(f"warm_start: {'true' if kind == 'warm' else 'false'}\n")
        try:
            print(json.dumps(asyncio.run(measure(home, kind == "warm"))))
        finally:
            kill_below(home)


def start(kind: str) -> dict[str, float]:
    """The same in a new process, in the environment of a person."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.warm", kind],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    if len(sys.argv) > 1:
        one(sys.argv[1])
        return
    start("cold")
    found: dict[str, list[dict[str, float]]] = {"cold": [], "warm": []}
    for _ in range(ROUNDS):
        for kind, figures in found.items():
            figures.append(start(kind))
            print(f"{kind}: {figures[-1]}", file=sys.stderr, flush=True)
    medians = {
        kind: {name: statistics.median(one[name] for one in figures) for name in ("made", "shown")}
        for kind, figures in found.items()
    }
    print(
        json.dumps(
            {
                "rounds": ROUNDS,
                "cold_s": round(medians["cold"]["made"], 2),
                "warm_s": round(medians["warm"]["made"], 2),
                "ratio": round(medians["warm"]["made"] / medians["cold"]["made"], 3),
                "cold_shown_s": round(medians["cold"]["shown"], 2),
                "warm_shown_s": round(medians["warm"]["shown"], 2),
                "ratio_shown": round(medians["warm"]["shown"] / medians["cold"]["shown"], 3),
                "spare_ready_s": round(statistics.median(one["ready"] for one in found["warm"]), 1),
                "cpus": os.cpu_count(),
            }
        )
    )


if __name__ == "__main__":
    main()
