"""A screen that stands for a night: what it holds does not grow with what it has seen, only with what it shows."""

from __future__ import annotations

import asyncio
import gc
import json
import shutil
import threading
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from textual.message import Message
from textual.pilot import Pilot

from runner.store import locks
from runner.store.directory import RunDirectory, runs_folder
from tests.benchmarks.follow import make_run, step_line
from tests.tui.conftest import until
from tui.app import FtuiApp
from tui.messages import RunsListed
from tui.services.run_reader import RunSource
from tui.services.runs import RunListService

# A step has nine columns of eight bytes, in buffers that are doubled when they are full, copied once for drawing.
MOST_BYTES_PER_STEP = 9 * 8 * 4
# Timers and animations of the moment.
FEW = 3


@dataclass(frozen=True)
class Held:
    """What a process holds."""

    descriptors: int
    threads: int
    tasks: int
    widgets: int
    allocated: int

    @classmethod
    def by(cls, app: FtuiApp) -> Held:
        gc.collect()
        return cls(
            psutil.Process().num_fds(),
            threading.active_count(),
            len(asyncio.all_tasks()),
            len(app._registry),
            tracemalloc.get_traced_memory()[0],
        )

    def is_little_more_than(self, before: Held) -> bool:
        """Nothing more of what is counted, but for tasks of the moment."""
        return (
            self.descriptors <= before.descriptors
            and self.threads <= before.threads
            and self.tasks <= before.tasks + FEW
            and self.widgets <= before.widgets
        )


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.fixture
def long_run(home: Path) -> Iterator[RunDirectory]:
    """A run that lives, after a thousand of 100,000 steps."""
    run = make_run(home, 1000, 100_000)
    lock = locks.take(run.lock)
    assert lock is not None
    yield run
    locks.release(lock)


def goes_on(run: RunDirectory, first: int, last: int) -> None:
    with run.events.open("a", encoding="utf-8") as stream:
        stream.writelines(step_line(step, 1.5, 100_000) for step in range(first, last + 1))


async def shows_step(app: FtuiApp, pilot: Pilot[None], step: int) -> None:
    await until(pilot, lambda: app.main.view is not None and app.main.view.step == step, seconds=120)


@pytest.mark.fault(
    "40,000 steps pass under an open screen",
    "descriptors, threads, tasks and widgets stay; memory grows by the columns of the curve alone",
)
async def test_many_steps(long_run: RunDirectory, traced: None) -> None:
    app = FtuiApp(RunSource(long_run))
    async with app.run_test(size=(120, 40)) as pilot:
        await shows_step(app, pilot, 1000)
        goes_on(long_run, 1001, 10_000)
        await shows_step(app, pilot, 10_000)
        before = Held.by(app)
        for last in range(15_000, 40_001, 5000):
            goes_on(long_run, last - 4999, last)
            await shows_step(app, pilot, last)
        # A file of the moment may be open.
        await until(pilot, lambda: Held.by(app).is_little_more_than(before), seconds=60)
        after = Held.by(app)
    assert after.allocated - before.allocated < 30_000 * MOST_BYTES_PER_STEP


@pytest.mark.fault(
    "screens are opened and left again, six times each", "descriptors, threads, tasks and widgets stay"
)
async def test_many_screens(long_run: RunDirectory) -> None:
    app = FtuiApp(RunSource(long_run))
    async with app.run_test(size=(120, 40)) as pilot:
        await shows_step(app, pilot, 1000)

        async def look(times: int) -> None:
            for _ in range(times):
                for key in ("g", "v", "question_mark"):
                    await pilot.press(key)
                    await until(pilot, lambda: len(app.screen_stack) == 3, seconds=60)
                    await pilot.press("escape")
                    await until(pilot, lambda: len(app.screen_stack) == 2, seconds=60)
            await until(
                pilot, lambda: not any("Log not read" in t.name for t in threading.enumerate()), seconds=60
            )

        await look(1)
        before = Held.by(app)
        await look(6)
        await until(pilot, lambda: Held.by(app).is_little_more_than(before), seconds=60)


@pytest.mark.fault(
    "300 runs end, are looked at and are removed under an open screen", "nothing of them is remembered"
)
def test_many_runs(home: Path) -> None:
    posted: list[Message] = []
    service = RunListService(posted.append, home)
    for round_ in range(3):
        made = [runs_folder(home) / f"202611{round_ + 10}-000000-short-{n:04x}" for n in range(100)]
        for folder in made:
            folder.mkdir(parents=True)
            (folder / "state.json").write_text(json.dumps({"phase": "finished", "step": 3}))
        service.look()
        told = posted[-1]
        assert isinstance(told, RunsListed)
        assert len(told.rows) == 100
        assert len(service._over) <= 100
        for folder in made:
            shutil.rmtree(folder)
    service.look()
    assert not service._over
