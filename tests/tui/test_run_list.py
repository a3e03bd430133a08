"""The list of runs: five thousand of them, filtered, sorted, clicked; and runs of other trainers among them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.geometry import Offset
from textual.widgets import Input

from runner.store import directory
from runner.store.directory import RunDirectory
from tests.foreign.test_trainer_state import entries, save
from tests.run.scenes import end, evaluation, phase, plan, step
from tests.tui.conftest import OVERFIT, running, screen_text, shows, until
from tests.tui.made import made, store_of
from tui.app import FtuiApp
from tui.models.run_view import RunRow
from tui.services.run_reader import RunSource
from tui.widgets.run_list import RunList

SIZES = [(80, 24), (120, 40), (200, 50)]
MANY = 5000
# On two cores that other tests use as well; a person notices from a tenth of a second on.
MOST_SECONDS = 0.4

sizes = pytest.mark.parametrize("size", SIZES, ids=str)


def listing(app: FtuiApp) -> RunList:
    return app.main.query_one(RunList)


def names(app: FtuiApp) -> list[str]:
    return [row.id for row in listing(app).listed]


@sizes
async def test_five_thousand_runs_stay_fluid(
    home: Path, size: tuple[int, int], record_property: Callable[[str, object], None]
) -> None:
    ids = store_of(home, MANY)
    async with running(size) as (app, pilot):
        runs = listing(app)
        await until(pilot, lambda: len(runs.listed) == MANY, 60)
        await until(pilot, lambda: runs.highlighted_id == ids[0])
        # The presets, which come after the runs, take of the height of the list.
        await shows(pilot, "demo-overfit")
        app.main.runs.store.stop()
        # Load and presets take their share of the height when they come.
        await until(pilot, lambda: app.main.gpus and app.main.cards)
        await pilot.pause()
        assert not runs.show_horizontal_scrollbar
        height = runs.scrollable_content_region.height
        took: dict[str, float] = {}
        for key, at in [
            ("down", 1),
            ("j", 2),
            ("pagedown", 1 + height),
            ("pageup", 2),
            ("end", MANY - 1),
            ("up", MANY - 2),
            ("home", 0),
            ("up", 0),
        ]:
            began = time.perf_counter()
            await pilot.press(key)
            assert runs.highlighted_id == ids[at], key
            took[key] = time.perf_counter() - began
            assert 0 <= at - runs.scroll_offset.y < height
        began = time.perf_counter()
        await pilot.press("t")
        took["t"] = time.perf_counter() - began
        began = time.perf_counter()
        await pilot.press("slash", "c")
        took["/"] = time.perf_counter() - began
        record_property("seconds", {key: round(value, 3) for key, value in took.items()})
        print({key: round(value, 3) for key, value in took.items()})
        assert sorted(took.values())[len(took) // 2] < MOST_SECONDS


@sizes
async def test_filter(home: Path, size: tuple[int, int]) -> None:
    store_of(home, 300)
    async with running(size) as (app, pilot):
        await until(pilot, lambda: len(names(app)) == 300)
        await pilot.press("slash", *"code fail")
        wanted = [row.id for row in app.main.rows if "code" in row.id and row.phase.value == "failed"]
        await until(pilot, lambda: names(app) == wanted)
        assert wanted
        await shows(pilot, "/code fail")
        await pilot.press("enter")
        await until(pilot, lambda: listing(app).has_focus)
        await pilot.press("down")
        assert listing(app).highlighted_id == wanted[1]
        await pilot.press("slash", *"zzz")
        await until(pilot, lambda: names(app) == [])
        await pilot.press("escape")
        await until(pilot, lambda: len(names(app)) == 300)
        assert listing(app).has_focus


@pytest.mark.parametrize("words", ["[", "[/", "[/x]", "[b]", "[@click=app.quit]", "\\[", "]["])
async def test_brackets_in_the_filter_are_words(overfit: RunDirectory, words: str) -> None:
    async with running() as (app, pilot):
        await until(pilot, lambda: len(names(app)) == 2)
        await pilot.press("slash", *words)
        await until(pilot, lambda: not names(app))
        await shows(pilot, "/" + words)
        await pilot.press("escape")
        await until(pilot, lambda: len(names(app)) == 2)


async def test_every_order(home: Path) -> None:
    store_of(home, 60)
    async with running() as (app, pilot):
        await until(pilot, lambda: len(names(app)) == 60)
        newest = names(app)
        keys: list[tuple[str, Callable[[RunRow], Any]]] = [
            ("by state", lambda row: row.phase.value != "failed"),
            ("by preset", lambda row: row.name),
            ("by verdict", lambda row: (-row.severity, row.verdict)),
            ("by best eval", lambda row: row.best_loss),
        ]
        kept = listing(app).highlighted_id
        for words, key in keys:
            await pilot.press("t")
            await shows(pilot, words)
            listed = [key(row) for row in listing(app).listed]
            assert listed == sorted(listed)
            assert listing(app).highlighted_id == kept
        await pilot.press("t")
        await until(pilot, lambda: names(app) == newest)


async def test_the_highlighted_run_is_kept_while_others_come_go_and_end(home: Path) -> None:
    ids = store_of(home, 40)
    async with running() as (app, pilot):
        await until(pilot, lambda: len(names(app)) == 40)
        await pilot.press(*["down"] * 20)
        kept = ids[20]
        assert listing(app).highlighted_id == kept
        made(home, "20261231-000000-brand-new-ffff", phase("loading model"))
        await until(pilot, lambda: len(names(app)) == 41)
        assert listing(app).highlighted_id == kept
        assert kept_is_shown(app)
        for name in ids[:5]:
            (directory.runs_folder(home) / name / "state.json").unlink()
            (directory.runs_folder(home) / name).rmdir()
        await until(pilot, lambda: len(names(app)) == 36)
        assert listing(app).highlighted_id == kept
        (directory.runs_folder(home) / kept / "state.json").unlink()
        (directory.runs_folder(home) / kept).rmdir()
        await until(pilot, lambda: len(names(app)) == 35)
        assert listing(app).highlighted_id == ids[21]


def kept_is_shown(app: FtuiApp) -> bool:
    runs = listing(app)
    at = names(app).index(runs.highlighted_id or "")
    return 0 <= at - runs.scroll_offset.y < runs.scrollable_content_region.height


async def test_the_highlighted_run_stays_in_sight_when_many_come_in_above_it(home: Path) -> None:
    store_of(home, 40)
    async with running((80, 24)) as (app, pilot):
        await until(pilot, lambda: len(names(app)) == 40)
        await pilot.press("down", "down")
        for n in range(30):
            made(home, f"20261231-0000{n:02d}-brand-new-ffff", phase("loading model"))
        await until(pilot, lambda: len(names(app)) == 70)
        await until(pilot, lambda: kept_is_shown(app))


async def test_it_stays_in_sight_when_more_come_in_before_it_was_drawn(home: Path) -> None:
    store_of(home, 40)
    async with running((80, 24)) as (app, pilot):
        await until(pilot, lambda: len(names(app)) == 40)
        await pilot.press("down", "down")
        runs = listing(app)
        for n in range(30):
            run = f"20261231-0000{n:02d}-brand-new-ffff"
            runs.rows = (replace(runs.rows[0], id=run), *runs.rows)
        await until(pilot, lambda: kept_is_shown(app))


@sizes
async def test_a_click_chooses_a_row(store: Path, size: tuple[int, int]) -> None:
    async with running(size) as (app, pilot):
        await shows(pilot, "OVERFITTING since step 48")
        # The first row is below the border.
        await pilot.click(RunList, offset=Offset(5, 2))
        await shows(pilot, "Verdict: healthy")
        await pilot.click(RunList, offset=Offset(5, 1))
        await shows(pilot, "OVERFITTING since step 48")
        await pilot.click(RunList, offset=Offset(5, 6))
        await pilot.pause()
        assert listing(app).highlighted_id == OVERFIT


async def test_a_click_in_a_scrolled_list(home: Path) -> None:
    ids = store_of(home, 200)
    async with running() as (app, pilot):
        await until(pilot, lambda: len(names(app)) == 200)
        await pilot.press("end")
        top = listing(app).scroll_offset.y
        assert top > 0
        await pilot.click(RunList, offset=Offset(5, 3))
        await until(pilot, lambda: listing(app).highlighted_id == ids[top + 2])


# Runs of other trainers


def foreign(folder: Path, total: int = 40) -> Path:
    """A run of another trainer, over 40 steps, as trainer_state.json."""
    log = entries(*range(1, 41))
    log += [
        {"step": at, "epoch": at / 10, "eval_loss": 2 - at / 40, "eval_runtime": 1.0} for at in (10, 20, 40)
    ]
    save(folder, sorted(log, key=lambda entry: int(entry["step"])), 40, max_steps=total)
    return folder


@sizes
async def test_a_foreign_run_is_in_the_list_and_in_the_panel(
    store: Path, tmp_path: Path, size: tuple[int, int]
) -> None:
    path = foreign(tmp_path / "their run [x] [b", 80)
    async with running(size, target=RunSource(path=path)) as (app, pilot):
        await shows(pilot, "step 40/80", "held-out 1.0000 (best 1.0000 @40)", "their run [x] [b")
        await until(pilot, lambda: len(names(app)) == 3)
        assert names(app)[0] == str(path)
        text = screen_text(pilot)
        assert "Trainer state" in text
        # What the log does not hold is not shown as NaN.
        assert "×" not in text.replace(" × ", "")
        await until(pilot, lambda: app.main.cards)
        await pilot.press("n")
        assert "settings of the run" not in await shows(pilot, "on top of the preset")
        await pilot.press("escape")
        for key, words in (("f", "Only a run of ftui"), ("v", "their run [x] [b")):
            await pilot.press(key)
            await shows(pilot, words)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main)
        # What is only read offers no keys that would change it.
        assert "s Stop" not in screen_text(pilot)
        await pilot.press("s", "r")
        await pilot.press("down")
        await shows(pilot, "OVERFITTING since step 48", "s Stop", "r Resume")
        await pilot.press("up", "c")
        await shows(pilot, "their run [x] [b", "the losses of single rows were not kept")


async def test_a_foreign_run_that_was_over_when_it_was_opened_rings_no_bell(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[object] = []
    monkeypatch.setattr(FtuiApp, "bell", lambda self: rung.append(1))
    async with running(target=RunSource(path=foreign(tmp_path / "theirs"))) as (app, pilot):
        await shows(pilot, "step 40/40")
        await until(pilot, lambda: listing(app).listed[0].phase.is_over)
        await pilot.pause(0.3)
        assert not rung
        assert not app._notifications


async def test_a_foreign_run_goes_on_while_it_is_watched(home: Path, tmp_path: Path) -> None:
    save(tmp_path / "theirs", entries(5, 10), 10)
    async with running(target=RunSource(path=tmp_path / "theirs")) as (app, pilot):
        await shows(pilot, "step 10/40")
        save(tmp_path / "theirs", entries(5, 10, 15, 20), 20)
        await shows(pilot, "step 20/40")
        assert listing(app).listed[0].step == 20


async def test_state_files_of_any_kind_are_listed(home: Path) -> None:
    for n, words in enumerate(
        ("", "[]", "{", "null", json.dumps({"phase": 3, "losses": ["x"], "best_loss": "NaN"}))
    ):
        path = directory.runs_folder(home) / f"20260101-00000{n}-odd-000{n}"
        path.mkdir(parents=True)
        (path / "state.json").write_text(words)
    made(
        home,
        "20260102-000000-good-0001",
        phase("training"),
        plan(),
        step(1),
        evaluation(1, 2.0),
        *end("finished"),
    )
    async with running() as (app, pilot):
        await until(pilot, lambda: len(names(app)) == 6)
        for _ in range(6):
            await pilot.press("down")
        await pilot.press("t", "t", "t", "t")


async def test_a_filter_that_is_typed_before_the_list_is_read_is_not_left(home: Path) -> None:
    ids = store_of(home, 3)
    async with running(target=RunSource(run=RunDirectory(directory.runs_folder(home) / ids[1]))) as (
        app,
        pilot,
    ):
        await until(pilot, lambda: len(names(app)) == 3)
        await pilot.press("slash")
        # As the list of runs does when it comes.
        app.main.open_run(ids[2])
        await pilot.press("x", "e")
        await until(pilot, lambda: app.main.query_one("#filter", Input).value == "xe")
