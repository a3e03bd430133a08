"""Runs of other trainers in the screen: waited for, found below a folder, and no longer growing."""

from __future__ import annotations

from pathlib import Path

from runner.store.events import Phase
from tests.foreign.samples import SAMPLES
from tests.foreign.test_opening import log
from tests.tui.conftest import running, screen_text, shows, until
from tests.tui.test_run_list import listing
from tui.services.run_reader import RunSource


async def test_an_empty_log_is_waited_for(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    path.touch()
    async with running(target=RunSource(path=path)) as (app, pilot):
        await shows(pilot, "train.log", "nothing written yet")
        path.write_text((SAMPLES / "mlx-lm.log").read_text())
        await shows(pilot, "step 40/3000", "mlx-lm log")
        assert "nothing written yet" not in screen_text(pilot)
        assert listing(app).listed[0].step == 40


async def test_a_run_below_a_folder_is_the_row_of_that_folder(home: Path, tmp_path: Path) -> None:
    log(tmp_path / "experiments" / "a" / "train.log", 30)
    folder = tmp_path / "experiments"
    async with running(target=RunSource(path=folder)) as (app, pilot):
        await until(pilot, lambda: listing(app).listed and listing(app).listed[0].step == 1)
        assert [row.id for row in listing(app).listed] == [str(folder)]
        await shows(pilot, "console log")


async def test_one_that_does_not_grow_any_more_is_lost_until_it_grows(home: Path, tmp_path: Path) -> None:
    path = log(tmp_path / "train.log", 7200)
    async with running(target=RunSource(path=path)) as (app, pilot):
        await until(pilot, lambda: listing(app).listed and listing(app).listed[0].phase is Phase.LOST)
        await shows(pilot, "nothing was written for 2 h")
        # It was so when it was opened: no news.
        assert not app._notifications
        with path.open("a") as stream:
            stream.write("{'loss': 0.9, 'epoch': 0.2}\n")
        await until(pilot, lambda: listing(app).listed[0].phase is Phase.TRAINING)
        await shows(pilot, "step 2")
