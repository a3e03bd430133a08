"""tui/patches rests on private parts of Textual: they are as it expects them, and what it mends is still to be mended.

A failure here comes with a new Textual, and says which patch is to be adapted and which can go.
"""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
from importlib.metadata import version
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.text import Text
from textual import events
from textual._compositor import ChopsUpdate, Compositor, CompositorUpdate
from textual.app import App, ComposeResult
from textual.content import Content
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message
from textual.message_pump import MessagePump
from textual.strip import Strip
from textual.visual import visualize
from textual.widgets import Input, OptionList, Static, TextArea

from tests.tui.conftest import screen_text, until
from tui.patches import visible_text
from tui.patches.exact_update import ExactUpdate
from tui.patches.keys_in_order import MOST_SECONDS, KeysInOrder
from tui.widgets.early_keys import EarlyKeys

TEXTUAL = f"Textual {version('textual')}"
CONSOLE = Console(width=40, height=2, color_system="truecolor", force_terminal=True)


def parameters(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (ChopsUpdate.__init__, ["self", "chops", "spans", "chop_ends"]),
        (ChopsUpdate.render_segments, ["self", "console"]),
        (Compositor.render_partial_update, ["self"]),
        (App._display, ["self", "screen", "renderable"]),
        (App.on_event, ["self", "event"]),
        (LinuxDriver._sigtstp_application, ["self", "_"]),
        (LinuxDriver._sigcont_application, ["self", "_"]),
        (LinuxDriver._disable_mouse_support, ["self"]),
        (LinuxDriver.suspend_application_mode, ["self"]),
        (LinuxDriver.resume_application_mode, ["self"]),
        (MessagePump.call_later, ["self", "callback", "args", "kwargs"]),
    ],
    ids=lambda one: getattr(one, "__qualname__", ""),
)
def test_the_private_parts_are_there(part: Any, expected: list[str]) -> None:
    assert parameters(part) == expected, f"{TEXTUAL}: {part.__qualname__} has changed; adapt tui/patches"


def test_the_private_parts_are_what_they_were() -> None:
    words = f"{TEXTUAL}: a partial update is no ChopsUpdate any more; adapt tui/patches/exact_update.py"
    assert issubclass(ChopsUpdate, CompositorUpdate), words
    returned = inspect.signature(Compositor.render_partial_update).return_annotation
    assert "ChopsUpdate" in str(returned), words
    words = (
        f"{TEXTUAL}: it ends mouse reports in pixels, or stops otherwise; adapt tui/patches/kept_driver.py"
    )
    assert "1016l" not in inspect.getsource(LinuxDriver), words
    assert "SIGSTOP" in inspect.getsource(LinuxDriver._sigtstp_application), words
    words = f"{TEXTUAL}: keys come to the app another way; adapt tui/patches/keys_in_order.py"
    assert inspect.iscoroutinefunction(App.on_event), words
    assert isinstance(vars(Message)["is_forwarded"], property), words
    assert not events.Key("a", "a").is_forwarded, words


def update(first: int, last: int) -> ChopsUpdate:
    """A line of 20 cells of which some are to be drawn again."""
    return ChopsUpdate([{0: Strip([Segment("x" * 20)])}], [(0, first, last)], [[20]])


def test_textual_still_writes_from_the_left_edge() -> None:
    written = update(19, 20).render_segments(CONSOLE).count("x")
    assert written == 20, (
        f"{TEXTUAL} cuts updates at the left by itself (issue 5625): tui/patches/exact_update.py can go"
    )
    assert ExactUpdate.of(update(19, 20)).render_segments(CONSOLE).count("x") == 1
    assert ExactUpdate.of(update(4, 9)).render_segments(CONSOLE).count("x") == 5


class Fields(App[None]):
    """A field, and a list whose options open it."""

    def compose(self) -> ComposeResult:
        yield OptionList("one", "two")
        yield Input()

    def on_option_list_option_selected(self) -> None:
        self.query_one(Input).focus()


class FieldsInOrder(KeysInOrder, Fields):
    pass


async def typed(app: Fields, focused: type[OptionList] | type[Input], keys: list[str]) -> str:
    """What is in the field after these keys came all at once."""
    async with app.run_test() as pilot:
        app.query_one(focused).focus()
        await pilot.pause()
        for key in keys:
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await pilot.pause()
        return app.query_one(Input).value


# The one of issue 6605, and the one that its pull request 6631 leaves.
CASES: list[tuple[type[OptionList] | type[Input], list[str], str]] = [
    (Input, ["b", "a", "backspace", "c"], "bc"),
    (OptionList, ["enter", "7"], "7"),
]


async def test_textual_still_lets_keys_overtake() -> None:
    right = [await typed(Fields(), focused, keys) == wanted for focused, keys, wanted in CASES]
    assert right != [True, True], (
        f"{TEXTUAL} keeps keys in order by itself (issue 6605): tui/patches/keys_in_order.py can go"
    )
    assert right == [False, False], f"{TEXTUAL} keeps some keys in order by itself: {CASES}, {right}"


@pytest.mark.parametrize(("focused", "keys", "wanted"), CASES)
async def test_keys_in_order(focused: type[OptionList] | type[Input], keys: list[str], wanted: str) -> None:
    for _ in range(5):
        assert await typed(FieldsInOrder(), focused, keys) == wanted


async def test_keys_in_order_when_one_comes_between_two_that_wait() -> None:
    """The next key is let go by the end of the one before, or by its own arrival; never by both."""
    for turns in range(60):
        app = FieldsInOrder()
        async with app.run_test() as pilot:
            app.query_one(Input).focus()
            await pilot.pause()
            for key in ("b", "a", "backspace"):
                app.post_message(events.Key(key, key if len(key) == 1 else None))
            for _ in range(turns):
                await asyncio.sleep(0)
            app.post_message(events.Key("c", "c"))
            await pilot.pause()
            assert app.query_one(Input).value == "bc", f"after {turns} turns of the loop"


class Late(FieldsInOrder):
    """What is typed into the field is held until enter, which itself comes to nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.early: EarlyKeys | None = EarlyKeys()

    def on_key(self, event: events.Key) -> None:
        if self.early is not None and event.key == "enter":
            early, self.early = self.early, None
            early.press(self)
        elif self.early is not None:
            self.early.hold(event)

    def compose(self) -> ComposeResult:
        yield OptionList()
        yield Input()


@pytest.mark.parametrize("turns", range(0, 40, 4))
async def test_keys_that_were_held_come_before_later_ones(turns: int) -> None:
    app = Late()
    async with app.run_test() as pilot:
        app.query_one(OptionList).focus()
        await pilot.pause()
        for key in ("tab", "a", "backspace", "b"):
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        app.post_message(events.Key("enter", None))
        for _ in range(turns):
            await asyncio.sleep(0)
        app.post_message(events.Key("c", "c"))
        await until(pilot, lambda: app.query_one(Input).value == "bc", 3)


class Removed(FieldsInOrder):
    """Enter in the list takes the list away."""

    def on_option_list_option_selected(self) -> None:
        self.query_one(OptionList).remove()
        self.query_one(Input).focus()


async def test_a_key_that_removes_its_widget_does_not_hold_the_next() -> None:
    assert MOST_SECONDS > 5
    app = Removed()
    async with app.run_test() as pilot:
        app.query_one(OptionList).focus()
        await pilot.pause()
        for key in ("enter", "7", "8"):
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await until(pilot, lambda: app.query_one(Input).value == "78", 3)


# visible_text

HIDDEN = "a\x1b]0;t\x07\x9b\u202e\u200b[bold]b[/bold]"
SHOWN = "a␛]0;t␇���[bold]b[/bold]"


@pytest.mark.parametrize("part", [part for part in visible_text.PARTS if part[0] is not Content])
def test_what_is_replaced_is_there(part: tuple[object, str, object]) -> None:
    module, name, ours = part
    words = f"{TEXTUAL}: {module} has no {name} any more; adapt tui/patches/visible_text.py"
    visible_text.install(False)
    assert getattr(module, name, None) is ours, words
    source = inspect.getsource(module)  # type: ignore[arg-type]
    assert source.count(f"{name}(") or name == "render", words


def test_textual_still_lets_escapes_through() -> None:
    """In a fresh interpreter: here the patch is on."""
    code = (
        "from textual.content import Content; from rich.text import Text;"
        r"t = 'a\x1b]0;t\x9b\u202e'; assert Content(t).plain == t and Text(t).plain == t;"
        "assert Content.from_markup('[bold]x[/]').plain == 'x'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert not done.returncode, f"{TEXTUAL} takes them out: tui/patches/visible_text.py can go\n{done.stderr}"


def test_every_way_to_text_shows_what_is_hidden() -> None:
    visible_text.install(False)
    text = Text("x")
    text.append(HIDDEN)
    plain = Text()
    plain.plain = HIDDEN
    made = [
        Text(HIDDEN),
        text[1:],
        plain,
        Text.assemble((HIDDEN, "bold")),
        Text().append_tokens([(HIDDEN, None)]),
    ]
    assert [one.plain for one in made] == [SHOWN] * len(made)
    contents = [
        Content(HIDDEN),
        Content.from_markup(HIDDEN),
        Content.from_text(HIDDEN),
        Content.assemble(HIDDEN),
    ]
    contents += [Content.styled(HIDDEN, "bold"), visualize(Static(), HIDDEN)]  # type: ignore[list-item]
    assert [one.plain for one in contents] == [SHOWN] * len(contents)
    assert all(not one.spans or one.spans[0].style == "bold" for one in contents)


def test_what_came_another_way_is_left_out_of_the_bytes() -> None:
    visible_text.install(False)
    strip = Strip([Segment("a\x1b]0;t\x07b\u202e\xad👩\u200d💻\t"), Segment("\u200bc")])
    width = strip.cell_length
    assert strip.render(CONSOLE) == "a]0;tb?👩\u200d💻c"
    assert cell_len(strip.render(CONSOLE)) == width


class Editors(App[None]):
    def compose(self) -> ComposeResult:
        yield Input("ab\u202ecd\x1bef")
        yield TextArea("ab\u202ecd\x1bef\nplain")


async def test_editors_show_signs_and_keep_their_text() -> None:
    visible_text.install(False)
    async with Editors().run_test(size=(40, 12)) as pilot:
        line, area = pilot.app.query_one(Input), pilot.app.query_one(TextArea)
        await pilot.press("end")
        # Textual counts one more at the end of an Input.
        assert line.cursor_screen_offset.x - line.content_region.x == 8 + 1
        assert "ab�cd␛ef" in screen_text(pilot)
        area.focus()
        await pilot.press("end")
        assert area.cursor_screen_offset.x - area.content_region.x == 8
        await pilot.press("down", "up", "left", "left", "left", "X")
        assert (line.value, area.text) == ("ab\u202ecd\x1bef", "ab\u202ecdX\x1bef\nplain")
        assert "ab�cdX␛ef" in screen_text(pilot)
