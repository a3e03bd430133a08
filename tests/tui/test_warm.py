"""The screen prepares a warm start when a preset is edited or about to be launched, and hands it to the launch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.store.directory import RunDirectory, list_runs
from runner.supervision.warm import WarmStart
from tests.tui.conftest import running, until
from tui.screens.dialog import LaunchDialog
from tui.screens.editor import EditorScreen
from tui.widgets.preset_list import PresetList

pytestmark = pytest.mark.usefixtures("unseen")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked of warm starts."""
    asked: list[str] = []
    monkeypatch.setattr(
        WarmStart, "prepare", lambda self, soon=False: asked.append("soon" if soon else "prepare")
    )
    monkeypatch.setattr(WarmStart, "close", lambda self: asked.append("close"))

    def start(self: WarmStart, run: RunDirectory, *rest: Any) -> str:
        asked.append(run.id)
        return ""

    monkeypatch.setattr(WarmStart, "start", start)
    return asked


async def test_the_dialog_prepares_it_and_the_launch_takes_it(home: Path, calls: list[str]) -> None:
    async with running() as (app, pilot):
        presets = app.main.query_one(PresetList)
        await until(pilot, lambda: presets.option_count and app.main.gpus is not None)
        assert calls == []
        presets.focus()
        presets.highlighted = [card.name for card in app.main.cards].index("demo")
        await pilot.press("l")
        await until(pilot, lambda: isinstance(app.screen, LaunchDialog))
        assert calls == ["soon"]
        await pilot.press("enter")
        await until(pilot, lambda: len(calls) == 2)
        assert calls[1] == list_runs(home)[0].id
    assert calls[-1] == "close"


async def test_the_editor_prepares_it(home: Path, calls: list[str]) -> None:
    async with running() as (app, pilot):
        presets = app.main.query_one(PresetList)
        await until(pilot, lambda: presets.option_count)
        presets.focus()
        presets.highlighted = [card.name for card in app.main.cards].index("demo")
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen))
        assert calls == ["prepare"]
