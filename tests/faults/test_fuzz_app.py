"""The real screen on spoilt runs, one after the other, changed while it looks: hundreds of them by `make fuzz`."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path

import pytest
from hypothesis import Phase, given, seed, settings

from tests.faults import fuzz_readers as readers
from tests.faults.fuzz_amount import SEED, repeatable
from tests.faults.fuzz_disk import Store
from tests.faults.fuzz_strategies import Focus, Mutated, mutated
from tests.tui.conftest import running, until
from tui.app import FtuiApp
from tui.messages import ActionFailed
from tui.widgets.run_list import RunList

LARGE = 200
SMALL = 32
# So many runs one after the other are looked at with the same screen open: the list's, or one of these keys'.
STRETCH = 8
KEYS = ("", "v", "a", "g")


def spoilt(home: Path, count: int) -> dict[str, tuple[Store, Mutated]]:
    """So many runs in the store, by id, newest first."""
    made: dict[str, tuple[Store, Mutated]] = {}

    @seed(SEED)
    @settings(max_examples=count, phases=[Phase.generate])
    @given(mutated(Focus.ALL))
    def write(run: Mutated) -> None:
        number = len(made)
        store = Store(home, f"20261124-{number:06d}-demo-{number:04x}")
        store.write(run.tree(), run.is_alive)
        made[store.run.id] = (store, run)

    write()
    return dict(reversed(made.items()))


@pytest.mark.parametrize("count", [SMALL, pytest.param(LARGE, marks=pytest.mark.large)])
async def test_the_screen_survives_spoilt_runs(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, count: int
) -> None:
    with repeatable():
        await survives(home, monkeypatch, caplog, count)


async def survives(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, count: int
) -> None:
    """Look at so many runs; nothing fails and nothing is logged as an error."""
    readers.make_quick(monkeypatch)
    failed: list[str] = []
    monkeypatch.setattr(FtuiApp, "on_action_failed", lambda app, message: failed.append(_words(message)))
    runs = spoilt(home, count)
    caplog.set_level(logging.WARNING)
    async with running(size=(120, 40)) as (app, pilot):
        await until(pilot, lambda: len(app.main.rows) == len(runs))
        for place, (run_id, (store, run)) in enumerate(runs.items()):
            key = KEYS[place // STRETCH % len(KEYS)]
            if place % STRETCH == 0:
                while app.screen is not app.main:
                    await pilot.press("escape")
            if place % STRETCH == 0 or not key:
                assert app.main.query_one(RunList).select_run(run_id)
            else:
                app.main.runs.choose(run_id)
            await until(pilot, partial(_shows, app, run_id))
            if place % STRETCH == 0 and key:
                await pilot.press(key)
            store.change(run.tree_later(), run.later.in_place)
            app.main.runs.follow.nudge()
            await pilot.pause()
    for store, _ in runs.values():
        store.let_go()
    assert not failed
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    print(f"{len(runs)} run directories on the screen")


def _shows(app: FtuiApp, run_id: str) -> bool:
    return app.main.view is not None and app.main.view.id == run_id


def _words(message: ActionFailed) -> str:
    return f"{message.title}: {message.text}"
