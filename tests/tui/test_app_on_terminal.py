"""The real app writes to a terminal exactly what its screen should show, key after key and while a run goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyte
from rich.console import Console
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.pilot import Pilot
from textual.screen import Screen

from runner.gpu import Gpu, GpuReading, GpuSample
from runner.host import HostSample
from runner.store.directory import RunDirectory
from tests.run.scenes import evaluation, phase, plan, step
from tests.tui.conftest import shows, until, without_load
from tests.tui.made import alive, grow, made, store_of
from tui.app import FtuiApp
from tui.messages import LoadSampled
from tui.patches.exact_update import ExactUpdate
from tui.widgets.run_list import RunList

SIZE = (120, 40)
CONSOLE = Console(width=SIZE[0], height=SIZE[1], color_system="truecolor", force_terminal=True)
RUN = "20261231-110000-a-run-0009"

Row = list[tuple[str, str, str, bool, bool]]


class Terminal:
    """A terminal that is fed what is drawn."""

    def __init__(self) -> None:
        self._screen = pyte.Screen(*SIZE)
        self._stream = pyte.Stream(self._screen)

    def feed(self, text: str) -> None:
        self._stream.feed(text)

    def rows(self) -> list[Row]:
        buffer = self._screen.buffer
        rows = []
        for y in range(SIZE[1]):
            line = [buffer[y][x] for x in range(SIZE[0])]
            rows.append([(one.data, one.fg, one.bg, one.bold, one.reverse) for one in line])
        return rows


class Watched(FtuiApp):
    """The app, with everything it draws kept in a terminal."""

    def __init__(self) -> None:
        super().__init__()
        self.terminal = Terminal()
        self.updates = 0

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        if screen is self.screen and isinstance(renderable, ChopsUpdate | LayoutUpdate):
            exact = ExactUpdate.of(renderable) if isinstance(renderable, ChopsUpdate) else renderable
            self.updates += isinstance(renderable, ChopsUpdate)
            self.terminal.feed(exact.render_segments(CONSOLE))
        super()._display(screen, renderable)


async def check(app: Watched, pilot: Pilot[None], after: str) -> None:
    """What the terminal shows is what the whole screen, sent anew, would be."""
    seen, wanted = app.terminal.rows(), fresh(app)
    for _ in range(30):
        # Between a change and its being drawn the two may differ.
        await pilot.pause(0.1)
        seen, wanted = app.terminal.rows(), fresh(app)
        if seen == wanted:
            return
    for y, (one, other) in enumerate(zip(seen, wanted, strict=True)):
        texts = ["".join(cell[0] for cell in row) for row in (one, other)]
        assert one == other, f"after {after}, row {y}:\n{texts[0]}\n{texts[1]}"


def fresh(app: FtuiApp) -> list[Row]:
    """The whole screen, sent anew."""
    terminal = Terminal()
    terminal.feed(app.screen._compositor.render_full_update().render_segments(CONSOLE))
    return terminal.rows()


async def started(app: Watched, pilot: Pilot[None], ready: Callable[[], object]) -> None:
    await until(pilot, ready)
    await until(pilot, lambda: app.main.cards and app.main.gpus)
    await without_load(app, pilot)
    app.main.presets.stop()
    await pilot.pause(0.3)
    app.terminal.feed(app.screen._compositor.render_full_update().render_segments(CONSOLE))
    app.updates = 0


async def test_the_list_of_runs(home: Path) -> None:
    store_of(home, 60)
    app = Watched()
    async with app.run_test(size=SIZE) as pilot:
        await started(app, pilot, lambda: len(app.main.query_one(RunList).listed) == 60)
        keys = [
            "down",
            "down",
            "up",
            "space",
            "space",
            "pagedown",
            "up",
            "end",
            "up",
            "home",
            "t",
            "t",
            "down",
            "t",
        ]
        for key in [*keys, "slash", "f", "a", "enter", "down", "escape", "tab", "down", "shift+tab"]:
            await pilot.press(key)
            await check(app, pilot, key)
        assert app.updates > 10


async def test_a_run_that_goes_on(home: Path) -> None:
    store_of(home, 5)
    run: RunDirectory = alive(
        made(home, RUN, phase("training"), plan(), *(step(n, 2.0) for n in range(1, 9)))
    )
    card = Gpu(0, "GPU-1", "NVIDIA GeForce RTX 4090", 24576, (8, 9))
    app = Watched()
    async with app.run_test(size=SIZE) as pilot:
        await started(app, pilot, lambda: app.main.view and app.main.view.step == 8)
        app.main.open_run(RUN)
        await check(app, pilot, "the start")
        for n in range(9, 21):
            grow(run, step(n, 2 - n / 40), *([evaluation(n, 2.1)] if not n % 4 else []))
            sample = GpuSample(card, 14000 + 97 * n, 10035, 90 + n % 9, 60 + n % 5, 300.0 + n)
            app.post_message(
                LoadSampled(GpuReading((sample,), "580.1"), HostSample(10.0 + n, 14000 + n, 129000))
            )
            await shows(pilot, f"step {n}/100")
            await check(app, pilot, f"step {n}")
        for key in (
            "left_square_bracket",
            "left_curly_bracket",
            "x",
            "y",
            "z",
            "escape",
            "o",
            "enter",
            "escape",
        ):
            await pilot.press(key)
            await check(app, pilot, key)
        app.notify("日本語 🚀 over it all", title="日本")
        await check(app, pilot, "a notification")
        for n in range(21, 25):
            grow(run, step(n, 1.5))
            await shows(pilot, f"step {n}/100")
            await check(app, pilot, f"step {n} under a notification")
        assert app.updates > 10
