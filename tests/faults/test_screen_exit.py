"""The same words on the screen: every label, every editor, and what a real terminal gets of them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input, Static, TextArea

from tests.conftest import wait_for
from tests.faults.hostile import EVIL, HOSTILE, UNSEEN, Home, hostile_home
from tests.faults.scene import FTUI
from tests.faults.terminals import Terminal
from tests.tui.conftest import screen_text, until
from tui import glyphs
from tui.app import FtuiApp
from tui.patches.exact_update import ExactUpdate
from tui.screens.editor import EditorScreen
from tui.widgets.preset_list import PresetList

SIZE = (160, 50)
CONSOLE = Console(width=SIZE[0], height=SIZE[1], color_system="truecolor", force_terminal=True)
# Colours, and where the next cells go.
DRAWN = re.compile(r"\x1b\[[0-9;]*[mH]")
# What is on its screen once a key's work is done.
OF_THE_RUN = {
    "main": ((), "[bold]b[/bold]"),
    "log panel": (("o",), "␛]52;c"),
    "zoom": (("enter",), "␛]52;c"),
    "evidence": (("v",), "best at step"),
    "explained": (("v", "e"), "What it means"),
    "answers": (("a",), "␛]52;c"),
    "log": (("g",), "␛]52;c"),
    "search": (("g", "slash", "e", "v", "enter"), "␛]52;c"),
    "compare": (("c",), "[bold]b[/bold]"),
    "next preset": (("f",), "from run"),
    "resume": (("r",), "checkpoint"),
    "filter": (("slash", "e", "v"), "evil"),
    "help": (("question_mark",), "Launch the chosen preset"),
    "palette": (("ctrl+p", "e"), "Edit the chosen preset"),
    "queue": (("w",), "Queue"),
}
OF_PRESETS = {
    "preset": ((), "␛]52;c"),
    "edit": (("e",), "Effective batch"),
    "yaml": (("e", "y"), "description"),
    "launch": (("l",), "launch"),
    "new": (("n",), "New preset"),
    "own rows": (("n", "d"), "n␛]0;t␇<U+202E>[bold]"),
    "proposal": (("n", "d", "enter"), "cannot be used"),
    "check": (("e", "v"), "Data"),
}


class Watched(FtuiApp):
    """The app, with everything it writes to the terminal."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        if isinstance(renderable, ChopsUpdate | LayoutUpdate):
            exact = ExactUpdate.of(renderable) if isinstance(renderable, ChopsUpdate) else renderable
            self.written.append(exact.render_segments(CONSOLE))
        super()._display(screen, renderable)

    def check(self, where: str) -> None:
        """Nothing that the terminal was sent is obeyed but colours and places, and all of it is seen."""
        text = DRAWN.sub("", "".join(self.written)).replace("\n", "")
        assert "\x1b" not in text, where
        assert UNSEEN.search(text) is None, (where, UNSEEN.search(text))
        assert text


@pytest.fixture
def hostile(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = hostile_home(home, tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    return made


@asynccontextmanager
async def opened(preset: str = "") -> AsyncIterator[tuple[Watched, Pilot[None]]]:
    """The app on the hostile run, or on a preset of this name."""
    app = Watched()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, lambda: app.main.cards and app.main.runs.store)
        app.main.open_run(EVIL)
        await until(
            pilot, lambda: app.main.view and app.main.view.id == EVIL and app.main.view.verdict.findings
        )
        if preset:
            presets = app.main.query_one(PresetList)
            presets.focus()
            presets.highlighted = [card.name for card in app.main.cards].index(preset)
        yield app, pilot


@pytest.mark.parametrize("name", OF_THE_RUN)
@pytest.mark.fault(
    "hostile words in a run, on the screen: {name}", "shown as they stand, as signs; nothing is obeyed"
)
async def test_screens_of_a_run(hostile: Home, name: str) -> None:
    keys, shown = OF_THE_RUN[name]
    async with opened() as (app, pilot):
        for key in keys:
            await pilot.press(key)
        await until(pilot, lambda: shown in screen_text(pilot))
        app.check(name)


@pytest.mark.parametrize("name", OF_PRESETS)
@pytest.mark.fault(
    "hostile words in a preset and its rows: {name}", "shown as they stand, as signs; nothing is obeyed"
)
async def test_screens_of_presets(hostile: Home, name: str) -> None:
    keys, shown = OF_PRESETS[name]
    async with opened("evil") as (app, pilot):
        for key in keys:
            before = app.screen
            await pilot.press(key)
            if key in "en":
                await until(pilot, lambda before=before: app.screen is not before)  # type: ignore[misc]
        await until(pilot, lambda: shown in screen_text(pilot))
        app.check(name)


@pytest.mark.fault("hostile words in a toast, a title, a field", "signs, no markup; no action can be clicked")
async def test_every_kind_of_label(hostile: Home) -> None:
    async with opened() as (app, pilot):
        app.notify(HOSTILE, title=HOSTILE)
        box = app.main.query_one("#welcome, RunPanel")
        box.border_title = box.border_subtitle = box.tooltip = HOSTILE
        label = Static(HOSTILE)
        field = Input(HOSTILE, placeholder=HOSTILE)
        await app.main.mount(label, field)
        label.update(f"{HOSTILE} again")
        app.title = app.sub_title = HOSTILE
        await until(pilot, lambda: "nonsense again" in screen_text(pilot))
        await until(pilot, lambda: "␛]52;c;aGk=␇" in screen_text(pilot))
        app.check("labels")
        assert field.value == HOSTILE
        segments = [segment for line in label.render_lines(label.size.region) for segment in line]
        assert segments
        assert not any("@click" in one.style.meta or one.style.link for one in segments if one.style)


@pytest.mark.fault("the same where the terminal has ASCII alone", "the signs are ASCII")
async def test_ascii_signs(hostile: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glyphs, "_chosen", glyphs.ASCII)
    async with opened() as (app, pilot):
        await pilot.press("g")
        await until(pilot, lambda: "<U+001B>]52;c" in screen_text(pilot))
        app.check("ascii")


@pytest.mark.fault(
    "a preset with words turned round is edited as YAML", "they are shown, and kept as they were"
)
async def test_the_yaml_editor(home: Path, tmp_path: Path) -> None:
    made = hostile_home(home, tmp_path / "work")
    path = made.broken.with_name("turned.yaml")
    text = "extends: demo\ndescription: 'a \u202eback\u2069 می\u200cخواهم \u200b👩\u200d💻 z'\n"
    path.write_text(text, encoding="utf-8")
    async with opened("turned") as (app, pilot):
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen) and app.screen.assessment)
        await pilot.press("y")
        await until(pilot, lambda: app.screen.query_one(TextArea).has_focus)
        area = app.screen.query_one(TextArea)
        assert area.text == text
        await until(pilot, lambda: "a �back� می\u200cخواهم �" in screen_text(pilot))
        area.cursor_location = (1, len(text.splitlines()[1]) - 2)
        await pilot.press("X")
        await until(pilot, lambda: "zX" not in area.text and "X" in area.text)
        app.check("yaml")
        await pilot.press("escape", "s")
        await until(pilot, lambda: "X" in path.read_text(encoding="utf-8"))
    assert path.read_text(encoding="utf-8") == text.replace(" z'", " Xz'")


@pytest.mark.fault(
    "a hostile run on a real terminal, key after key", "no title, no clipboard, no question to it"
)
def test_a_real_terminal(hostile: Home, terminal: Callable[..., Terminal]) -> None:
    opened = terminal(*FTUI, "watch", EVIL)
    opened.shows("evil · failed", "OVERFITTING", "Presets")
    # Not with escape: with what is typed behind it, it would be another key.
    for keys, shown in (
        (b"g", "Log of evil"),
        (b"g", "Presets"),
        (b"v", "best at step"),
        (b"v", "Presets"),
        (b"a", "answers at step"),
    ):
        opened.press(keys)
        opened.shows(shown)
    wait_for(opened.is_quiet, 20, "all of it is read")
    received = opened.received().decode(errors="replace").replace("\r\n", "")
    # The shape of the mouse's pointer, which Textual sets.
    received = re.sub(r"\x1b\]22;[a-z-]*\x07", "", received)
    obeyed = re.search(r"\x1b\]|\x1b\[6n|\x1bP|\x1bc|\x07|\x9b", received)
    assert obeyed is None, received[max(0, obeyed.start() - 40) : obeyed.end() + 40]
    assert UNSEEN.search(re.sub(r"\x1b\[[0-?]*[ -/]*[@-~]", "", received)) is None
