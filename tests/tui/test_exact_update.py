"""Only what changed is sent, and a terminal that gets it shows what a full repaint would."""

from __future__ import annotations

import random
from typing import Any

import pyte
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text
from textual._compositor import ChopsUpdate
from textual.app import App, ComposeResult
from textual.screen import Screen
from textual.strip import Strip

from tui.exact_update import ExactUpdate
from tui.widgets.lines import Lines, differences, strip_of

WIDTH, HEIGHT = 40, 6
CONSOLE = Console(width=WIDTH, height=HEIGHT, force_terminal=True, color_system="truecolor")
WORDS = ["step 412", "━━━━", "loss 1.25", "表示", "⣿⠤⣀", "ok", "  ", "é"]


class Sheet(App[None]):
    """A sheet of lines, and the terminal that gets its updates."""

    CSS = "Lines { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self.sent = 0
        self.terminal = pyte.Screen(WIDTH, HEIGHT)
        self._stream = pyte.Stream(self.terminal)

    def compose(self) -> ComposeResult:
        yield Lines("left")

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        if isinstance(renderable, ChopsUpdate):
            data = ExactUpdate.of(renderable).render_segments(CONSOLE)
            self.sent += 1
            self._stream.feed(data)
        elif renderable is not None:
            self._stream.feed(full(screen._compositor.render_strips()))
        super()._display(screen, renderable)


def some_line(rng: random.Random) -> Text:
    text = Text()
    for _ in range(6):
        text.append(rng.choice(WORDS), rng.choice(["", "bold", "red", "on blue"])).append(" ")
    text.truncate(WIDTH)
    return text


def shown(screen: pyte.Screen) -> list[str]:
    return [line.rstrip() for line in screen.display]


async def test_a_terminal_shows_what_a_full_repaint_would() -> None:
    rng = random.Random(4)
    app = Sheet()
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        lines = app.query_one(Lines)
        texts = [some_line(rng) for _ in range(HEIGHT)]
        for _ in range(40):
            texts = [some_line(rng) if rng.random() < 0.3 else text for text in texts]
            lines.show(texts)
            await pilot.pause()
            whole = pyte.Screen(WIDTH, HEIGHT)
            pyte.Stream(whole).feed(full(app.screen._compositor.render_strips()))
            assert shown(app.terminal) == shown(whole)
    assert app.sent > 20


def full(strips: list[Strip]) -> str:
    """Every line at its place."""
    return "".join(f"\x1b[{y + 1};1H{strip.render(CONSOLE)}" for y, strip in enumerate(strips))


pieces = st.lists(
    st.tuples(st.sampled_from(WORDS), st.sampled_from(["", "bold", "red"])), min_size=1, max_size=8
)


@given(pieces, pieces)
def test_differences_are_all_there_is(one: list[tuple[str, str]], other: list[tuple[str, str]]) -> None:
    before, after = (strip_of(Text.assemble(*parts), WIDTH) for parts in (one, other))
    spans = differences(before, after)
    assert all(0 <= start < end <= WIDTH for start, end in spans)
    places = [place for start, end in spans for place in (start, end)]
    assert places == sorted(places)
    # Outside the spans the two are the same, cell for cell.
    outside = 0
    for start, end in [*spans, (WIDTH, WIDTH)]:
        assert before.crop(outside, start).text == after.crop(outside, start).text
        outside = end
    assert differences(before, before) == []
