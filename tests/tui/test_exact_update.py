"""What is written to the terminal is what the screen should show: each cell that changed, wide characters whole."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.strip import Strip
from textual.widgets import Static

from tui.patches.exact_update import ExactUpdate
from tui.widgets.lines import Lines, cells, differences, strip_of

WIDTH, HEIGHT = 60, 16
# Of one cell, of two, and of a sign and its mark; pyte knows these widths as a terminal does.
SIGNS = ["a", "b", " ", "·", "⠿", "│", "日", "本", "語", "ｆ", "😀", "🚀", "⚡", "✅"]
STYLES = ["", "bold", "red", "on blue", "reverse", "bold green on #112233"]

words = st.lists(st.sampled_from(SIGNS), max_size=30).map("".join)
styled = st.lists(st.tuples(words, st.sampled_from(STYLES)), max_size=6).map(
    lambda parts: Text.assemble(*parts)
)


class Terminal:
    """A terminal that is fed what the app writes."""

    def __init__(self) -> None:
        self.screen = pyte.Screen(WIDTH, HEIGHT)
        self._stream = pyte.Stream(self.screen)
        self.written = 0

    def feed(self, text: str) -> None:
        self.written += len(text)
        self._stream.feed(text)

    def cells(self) -> list[list[tuple[str, str, str, bool, bool]]]:
        """Each cell: its character and style. Half of a wide character that was written over is blank."""
        rows = []
        for y in range(HEIGHT):
            row = [self.screen.buffer[y][x] for x in range(WIDTH)]
            signs = [one.data for one in row]
            for x, sign in enumerate(signs):
                cut = bool(sign) and cell_len(sign) == 2 and signs[x + 1 : x + 2] != [""]
                left = not sign and (not x or cell_len(signs[x - 1]) != 2)
                signs[x] = " " if cut or left else sign
            styled_signs = zip(signs, row, strict=True)
            rows.append([(sign, one.fg, one.bg, one.bold, one.reverse) for sign, one in styled_signs])
        return rows


CONSOLE = Console(width=WIDTH, height=HEIGHT, color_system="truecolor", force_terminal=True)


class Watched(App[None]):
    """Boxes of lines beside and over each other; everything that is drawn goes to a terminal."""

    CSS = """
    #left { width: 21; border: round red; }
    #middle { width: 1fr; }
    #right { width: 13; }
    #upper { height: 5; }
    Lines { height: 1fr; }
    #over { layer: top; offset: 17 3; width: 15; height: 4; background: blue; border: ascii white; }
    Screen { layers: base top; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.terminal = Terminal()
        self.kinds: list[str] = []

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Lines("left")
            with Vertical(id="middle"):
                yield Lines("upper")
                yield Lines("lower")
            yield Lines("right")
        yield Static("日本語 over all " * 4, id="over")

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        exact = ExactUpdate.of(renderable) if isinstance(renderable, ChopsUpdate) else renderable
        if screen is self.screen and isinstance(exact, ChopsUpdate | LayoutUpdate):
            self.kinds.append(type(exact).__name__)
            self.terminal.feed(exact.render_segments(CONSOLE))
        super()._display(screen, renderable)

    def whole(self) -> Terminal:
        """A terminal that was sent the whole screen anew."""
        fresh = Terminal()
        fresh.feed(self.screen._compositor.render_full_update().render_segments(CONSOLE))
        return fresh


def some(rng: random.Random, longest: int) -> Text:
    text = Text()
    for _ in range(rng.randint(0, 5)):
        text.append("".join(rng.choices(SIGNS, k=rng.randint(0, longest // 3))), rng.choice(STYLES))
    return text


def changed(rng: random.Random, lines: Sequence[Text], longest: int) -> list[Text]:
    """The same lines with a character here and a line there replaced."""
    out = []
    for line in lines:
        kind = rng.random()
        if kind < 0.5:
            out.append(line)
        elif kind < 0.9 and line.plain:
            at = rng.randrange(len(line.plain))
            out.append(Text.assemble(line[:at], (rng.choice(SIGNS), rng.choice(STYLES)), line[at + 1 :]))
        else:
            out.append(some(rng, longest))
    return out


@pytest.mark.parametrize("seed", range(8))
async def test_the_terminal_shows_what_the_whole_screen_would_be(seed: int) -> None:
    rng = random.Random(seed)
    app = Watched()
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        boxes = list(app.query(Lines))
        shown = {box: [some(rng, 40) for _ in range(HEIGHT)] for box in boxes}
        for box, lines in shown.items():
            box.show(lines)
        await pilot.pause(0.05)
        app.terminal.feed(app.screen._compositor.render_full_update().render_segments(CONSOLE))
        app.kinds.clear()
        over = app.query_one("#over", Static)
        for turn in range(40):
            for box in rng.sample(boxes, rng.randint(1, len(boxes))):
                shown[box] = changed(rng, shown[box], 40)
                box.show(shown[box])
            if turn % 9 == 4:
                over.styles.offset = (rng.randint(0, WIDTH - 15), rng.randint(0, HEIGHT - 4))
            if turn % 9 == 7:
                over.display = not over.display
            # Drawn at most sixty times a second; a whole update asked for before would take what is still to be drawn.
            await pilot.pause(0.05)
            if not turn % 3:
                seen, wanted = app.terminal.cells(), app.whole().cells()
                for y in range(HEIGHT):
                    assert seen[y] == wanted[y], f"turn {turn}, row {y}"
        assert app.kinds.count("ExactUpdate") >= 25


async def test_only_what_changed_is_written() -> None:
    app = Watched()
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        app.query_one("#over").display = False
        lower = app.query_one("#lower", Lines)
        lines = [Text("x" * 20) for _ in range(8)]
        lower.show(lines)
        await pilot.pause()
        app.terminal.written = 0
        lower.show([*lines[:3], Text("x" * 19 + "y"), *lines[4:]])
        await pilot.pause()
        # Where to, how, and one letter.
        assert 0 < app.terminal.written < 80
        app.terminal.written = 0
        lower.show([*lines[:3], Text("x" * 19 + "y"), *lines[4:]])
        await pilot.pause()
        assert app.terminal.written == 0


@given(styled, styled, st.integers(1, 40))
def test_only_and_all_cells_that_differ_are_in_a_stretch(one: Text, other: Text, width: int) -> None:
    before, after = strip_of(one, width), strip_of(other, width)
    old, new = cells(before), cells(after)
    assert len(old) == len(new) == width
    spans = differences(before, after)
    covered = {place for start, end in spans for place in range(start, end)}
    assert all(0 <= start < end <= width for start, end in spans)
    assert {place for place in range(width) if old[place] != new[place]} <= covered
    # A stretch begins and ends with something that changed.
    assert all(old[start] != new[start] and old[end - 1] != new[end - 1] for start, end in spans)


@settings(max_examples=300)
@given(styled, styled, st.integers(1, 40))
def test_writing_the_stretches_gives_the_new_line(one: Text, other: Text, width: int) -> None:
    """As a terminal does it: what is cut out of the new strip, over the old one."""
    before, after = strip_of(one, width), strip_of(other, width)
    written, wanted = pyte.Screen(width, 1), pyte.Screen(width, 1)
    stream = pyte.Stream(written)
    stream.feed(plain(before))
    for start, end in differences(before, after):
        stream.feed(f"\x1b[1;{start + 1}H{plain(after.crop(start, end))}")
    pyte.Stream(wanted).feed(plain(after))
    assert written.display == wanted.display


def plain(strip: Strip) -> str:
    return "".join(segment.text for segment in strip)


@pytest.mark.parametrize(
    ("before", "after", "spans"),
    [
        ("日", "本", [(0, 2)]),
        ("a日b", "a本b", [(1, 3)]),
        ("ab", "日", [(0, 2)]),
        ("日日", "a日a", [(0, 4)]),
        ("same", "same", []),
        ("⚡x", "⚡y", [(2, 3)]),
        ("e\u0301 one", "e\u0301 two", [(0, 5)]),
        ("👨\u200d👩\u200d👧 1", "👨\u200d👩\u200d👧 2", [(0, 4)]),
    ],
)
def test_wide_and_joined_characters(before: str, after: str, spans: list[tuple[int, int]]) -> None:
    assert differences(Strip([Segment(before)]), Strip([Segment(after)])) == spans


def test_a_style_alone_is_a_difference() -> None:
    one, other = (
        Strip([Segment("ab日", Style(bold=True))]),
        Strip([Segment("ab"), Segment("日", Style(bold=True))]),
    )
    assert differences(one, other) == [(0, 2)]
