"""Every screen where a terminal has no more than ASCII, no colours, or hardly any room."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.filter import Monochrome
from textual.pilot import Pilot

from runner.gpu import GpuReading
from runner.store.directory import RunDirectory, runs_folder
from tests.run.scenes import add, evaluation, phase, plan, step
from tests.tui.conftest import OVERFIT, running, screen_text, shows, until, without_load
from tests.tui.made import alive, made, sample
from tui import glyphs
from tui.app import FtuiApp
from tui.widgets.run_list import RunList

SCREENS: dict[str, tuple[str, ...]] = {
    "main": (),
    "cursor": ("left_square_bracket",),
    "filter": ("slash", "d", "e"),
    "marked": ("space", "home"),
    "zoom": ("enter",),
    "log panel": ("o",),
    "preset": ("tab",),
    "evidence": ("v",),
    "answers": ("a",),
    "log": ("g",),
    "search": ("g", "slash", "e"),
    "compare": ("c",),
    "help": ("question_mark",),
    "launch": ("l", "l"),
    "edit": ("tab", "e"),
    "new": ("n",),
    "own rows": ("n", "d"),
    "proposal": ("n", "d", "enter"),
    "next preset": ("f",),
    "palette": ("ctrl+p",),
}
RUN = "20261201-110000-alive-0009"
# Textual draws scroll bars with these, and its own command palette.
TEXTUAL = set("▁▂▃▄▅▆▇█▉▊▋▌▍▎▏▐▔▕▀")
PALETTE = set("🔎…")
FRAMES = set("▊▔")


@pytest.fixture
def full(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with something for every screen; nothing but ASCII on disk is guaranteed. Where one stands are rows."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "größe.jsonl").write_text('{"prompt": "q", "completion": "a"}\n{nope\n')
    monkeypatch.chdir(tmp_path / "here")
    run = RunDirectory(runs_folder(store) / OVERFIT)
    add(
        run,
        sample(0, 0, "Größe · “quoted” … 日本 → x", expected="≤ 3 °C", prompt="Wie groß?"),
        sample(240, 0, "copied words", copied={"row": [0, 3], "start": 0, "end": 6, "words": 2}),
        {"type": "resume", "step": 240},
        {"type": "end", "status": "finished", "reason": ""},
    )
    with run.console.open("a") as stream:
        stream.write("täglich … ✔ 日本\n")
    made(
        store,
        "20260101-000000-broken-0001",
        phase("failed"),
        {"type": "end", "status": "failed", "reason": "№ 5 — ×"},
    )
    return store


@asynccontextmanager
async def on(
    keys: tuple[str, ...], size: tuple[int, int], run: str = "overfit"
) -> AsyncIterator[tuple[FtuiApp, Pilot[None]]]:
    """The app after some keys on the run that overfits."""
    async with running(size) as (app, pilot):
        runs = app.main.query_one(RunList)
        await until(pilot, lambda: any(row.id == OVERFIT for row in runs.listed))
        app.main.open_run(OVERFIT)
        await until(
            pilot,
            lambda: (
                app.main.view
                and app.main.view.id == OVERFIT
                and app.main.view.verdict.findings
                and app.main.cards
                and app.main.gpus
            ),
        )
        for key in keys:
            before = app.screen
            await pilot.press(key)
            if key in ("v", "a", "g", "c", "question_mark", "f"):
                await until(pilot, lambda before=before: app.screen is not before)  # type: ignore[misc]
        if keys == SCREENS["proposal"]:
            await shows(pilot, "cannot be used") if size[0] > 40 else await pilot.pause(0.5)
        if keys[-1:] == ("e",) and keys[0] == "tab":
            await until(pilot, lambda: app.screen is not app.main)
        await pilot.pause()
        yield app, pilot


@pytest.mark.parametrize("name", SCREENS)
async def test_ascii_and_nothing_else(full: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(glyphs, "_chosen", glyphs.ASCII)
    async with on(SCREENS[name], (120, 40)) as (_, pilot):
        text = screen_text(pilot)
        odd = {sign for sign in text if ord(sign) > 127}
        lines = [line for line in text.splitlines() if set(line) & (odd - TEXTUAL)]
        assert not odd - TEXTUAL - (PALETTE if name == "palette" else set()), "\n".join(lines)
        assert not odd & FRAMES or name == "palette", "\n".join(
            x for x in text.splitlines() if set(x) & FRAMES
        )


async def test_ascii_before_anything_is_known_and_for_odd_runs(
    full: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(glyphs, "_chosen", glyphs.ASCII)
    run = made(full, RUN, phase("training"), plan(), step(1, "NaN"), evaluation(1, "NaN"))
    alive(run)
    async with running() as (app, pilot):
        assert screen_text(pilot).isascii()
        await shows(pilot, "step 1/100")
        app.main.gpus = None
        await shows(pilot, "looking for GPUs")
        app.main.gpus = GpuReading((), "", "no driver — here")
        await shows(pilot, "no driver")
        app.notify("Größe … ✔", title="→")
        await shows(pilot, "Gr??e")
        text = screen_text(pilot)
        assert not {sign for sign in text if ord(sign) > 127} - TEXTUAL
        for state in ("finished", "stopped", "failed"):
            add(run, {"type": "end", "status": state, "reason": "ended …"})
            await shows(pilot, "ended")
            assert not {sign for sign in screen_text(pilot) if ord(sign) > 127} - TEXTUAL


@pytest.mark.parametrize("name", SCREENS)
async def test_without_colours(full: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with on(SCREENS[name], (120, 40)) as (app, pilot):
        assert any(isinstance(one, Monochrome) for one in app._filters)
        text = screen_text(pilot)
        assert text.strip()
        if name == "main":
            for words in ("OVERFITTING since step 48", "step 240/240", "best 1.8226 @48"):
                assert words in text


@pytest.mark.parametrize("size", [(30, 8), (20, 5), (3, 2)], ids=str)
@pytest.mark.parametrize("name", [name for name in SCREENS if name != "palette"])
async def test_hardly_any_room(full: Path, size: tuple[int, int], name: str) -> None:
    async with on(SCREENS[name], size) as (app, pilot):
        assert screen_text(pilot) is not None
        for key in ("down", "pagedown", "end", "x", "left_square_bracket", "m"):
            await pilot.press(key)
        await pilot.resize_terminal(100, 30)
        await pilot.pause()
        await pilot.resize_terminal(*size)
        await pilot.pause()
        assert app.is_running


async def test_a_terminal_that_grows_and_shrinks_shows_the_same(full: Path) -> None:
    async with on((), (120, 40)) as (app, pilot):
        await without_load(app, pilot)
        texts = []
        for size in ((120, 40), (20, 5), (200, 50), (80, 24), (120, 40)):
            await pilot.resize_terminal(*size)
            await pilot.pause(0.5)
            texts.append(screen_text(pilot).splitlines()[1:])
        assert "\n".join(texts[0]) == "\n".join(texts[-1])
