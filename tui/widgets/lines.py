"""A widget of whole lines that sends only the cells that changed.

Textual repaints a widget as a whole. At twenty steps a second that is kilobytes a second over SSH for three digits that
differ; here each line is compared with what is on the screen and only the stretches that differ are repainted.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.text import Text
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

# Stretches that are closer than this are one: moving the cursor costs about as many bytes.
GAP = 8

Cell = tuple[str, Style | None]

# Only to break a text into segments; nothing is printed with it.
CONSOLE = Console(width=10_000, color_system="truecolor", force_terminal=True)


class Lines(Widget):
    """Shows the texts given to `show`, one a line, cut at its width."""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._texts: list[Text] = []
        self._strips: list[Strip] = []

    def show(self, texts: Sequence[Text]) -> None:
        """Replace the lines; with another number of them in a widget of automatic height the layout is done again."""
        taller = len(texts) != len(self._texts)
        self._texts = list(texts)
        old, self._strips = self._strips, self._made()
        if taller or len(old) != len(self._strips):
            self.refresh(layout=taller and self.styles.is_auto_height)
            return
        regions = [
            # Counted from the content: Textual adds border and padding itself.
            Region(start, y, end - start, 1)
            for y, (before, after) in enumerate(zip(old, self._strips, strict=True))
            # Lines below the widget's end would be repainted into whatever is there.
            if y < self.size.height
            for start, end in differences(before, after)
        ]
        if regions:
            self.refresh(*regions)

    def _made(self) -> list[Strip]:
        width = self.size.width
        return [strip_of(text, width) for text in self._texts] if width else []

    def on_resize(self) -> None:
        self._strips = self._made()
        self.refresh()
        if self.styles.is_auto_height and len(self._texts) != self.size.height:
            # A layout that is asked for while another one is under way is lost.
            self.call_after_refresh(self.refresh, layout=True)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        return len(self._texts)

    def render_line(self, y: int) -> Strip:
        style = self.rich_style
        if y >= len(self._strips):
            return Strip.blank(self.size.width, style)
        return self._strips[y].apply_style(style)


class Drawing(Lines):
    """Lines that are made from what the widget knows and the size it has."""

    PAUSE_SECONDS = 1.0
    """At most so often is it drawn by `draw_soon`: the eye sees no difference, and a line over SSH does."""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id)
        self._drawn_at = 0.0
        self._waiting = False

    def lines(self, width: int, height: int) -> Sequence[Text]:
        """What is to be seen, in so many cells."""
        raise NotImplementedError

    def draw(self) -> None:
        """Draw what is known now."""
        self._waiting = False
        self._drawn_at = time.monotonic()
        self.show(self.lines(*self.size))

    def draw_soon(self) -> None:
        """Draw now, or as soon as the pause since the last time is over."""
        left = self._drawn_at + self.PAUSE_SECONDS - time.monotonic()
        if left <= 0:
            self.draw()
        elif not self._waiting:
            self._waiting = True
            self.set_timer(left, self.draw)

    def on_resize(self) -> None:
        self.draw()
        super().on_resize()


def strip_of(text: Text, width: int) -> Strip:
    """A text as a strip of exactly so many cells."""
    line = text.copy()
    line.end = ""
    return Strip(line.render(CONSOLE)).adjust_cell_length(width)


def cells(strip: Strip) -> list[Cell]:
    """A strip cell by cell. The cells of a wide character all differ when it is another: none is repainted alone."""
    found: list[Cell] = []
    for segment in strip:
        text, style = segment.text, segment.style
        widths = [1 if c.isascii() or "─" <= c <= "╿" or "⠀" <= c <= "⣿" else cell_len(c) for c in text]
        if 0 in widths or sum(widths) != segment.cell_length:
            # Marks and joined emoji: as a whole.
            found += [(f"{place} {text}", style) for place in range(segment.cell_length)]
            continue
        for character, width in zip(text, widths, strict=True):
            found += [
                (character, style) if not place else (f"{place} {character}", style) for place in range(width)
            ]
    return found


def differences(before: Strip, after: Strip) -> list[tuple[int, int]]:
    """The stretches [start, end) of cells in which two strips of one width differ."""
    if before is after or before._segments == after._segments:
        return []
    old, new = cells(before), cells(after)
    if len(old) != len(new):
        return [(0, max(len(old), len(new)))]
    spans: list[tuple[int, int]] = []
    for place, (one, other) in enumerate(zip(old, new, strict=True)):
        if one == other:
            continue
        if spans and place - spans[-1][1] < GAP:
            spans[-1] = (spans[-1][0], place + 1)
        else:
            spans.append((place, place + 1))
    return spans
