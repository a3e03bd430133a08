"""Tables, bars and charts of rich on the command line, safe to show like all it prints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from runner import plain_text
from tui.cli.out import Stream, shown


class PlainConsole(Console):
    """A console that reads no markup and sends nothing that a terminal would obey but its own."""

    def __init__(self, err: bool = False) -> None:
        stream = cast(Any, Stream(err))
        super().__init__(file=stream, markup=False, emoji=False, highlight=False)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            if segment.control or (segment.text.isascii() and segment.text.isprintable()):
                yield segment
            else:
                yield Segment(shown(segment.text, plain_text.in_place), segment.style)


def words(text: str) -> Text:
    """Text in which nothing is markup."""
    return Text(shown(text))
