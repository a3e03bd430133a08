"""Text of widgets is safe to show, and holds no markup.

Textual and rich take five control characters out of what they draw and let the rest through: ESC, C1, what turns words
round, what cannot be seen. In all strings that are not made to Content or Text already they read markup, which may hide
a link or an action. Both are made by a constructor; there a sign takes the place of each hidden character, as many as
there were, so that places of the cursor and of styles stay, and editors count the cells of the signs. Strips are where
cells become bytes: what came another way is left out there.

https://github.com/Textualize/textual/issues/5615 made the list of five. tests/tui/test_patches.py tells when what this
rests on has changed.
"""

from __future__ import annotations

from typing import Any

import rich.text
import textual.content
import textual.document._document
import textual.document._document_navigator
import textual.document._wrapped_document
import textual.expand_tabs
import textual.widgets._input
import textual.widgets._text_area
from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from textual._cells import cell_width_to_column_index
from textual.content import Content
from textual.strip import Strip

from runner import plain_text

# They measure what is edited, which is not what is drawn.
MEASURING = (
    textual.expand_tabs,
    textual.document._document,
    textual.document._document_navigator,
    textual.document._wrapped_document,
    textual.widgets._input,
    textual.widgets._text_area,
)

COUNTING = (textual.document._wrapped_document, textual.widgets._text_area)

_in_ascii = False
_render = Strip.render


def install(in_ascii: bool) -> None:
    """From now on, in this process; `in_ascii` says which signs."""
    global _in_ascii
    _in_ascii = in_ascii
    for part, name, ours in PARTS:
        setattr(part, name, ours)


def _shown(text: str, *_: object) -> str:
    return plain_text.in_place(text, _in_ascii)


def _cells(text: str) -> int:
    return cell_len(_shown(text))


def _column(line: str, cell_width: int, tab_width: int) -> int:
    return cell_width_to_column_index(_shown(line), cell_width, tab_width)


def _from_text(cls: type[Content], /, markup: str | Content, **_: Any) -> Content:
    return markup if isinstance(markup, Content) else cls(markup)


def _render_shown(strip: Strip, console: Console) -> str:
    if strip._render_cache is None and not strip.text.isprintable():
        strip._segments = [_without_hidden(segment) for segment in strip._segments]
    return _render(strip, console)


def _without_hidden(segment: Segment) -> Segment:
    """A segment as wide as it was."""
    text = plain_text.replaced(segment.text, lambda hidden: "?" * cell_len(hidden))
    return Segment(text, segment.style, segment.control)


PARTS: tuple[tuple[object, str, object], ...] = (
    (rich.text, "strip_control_codes", _shown),
    (textual.content, "_strip_control_codes", _shown),
    (Content, "from_markup", classmethod(_from_text)),
    (Strip, "render", _render_shown),
    *((module, "cell_len", _cells) for module in MEASURING),
    *((module, "cell_width_to_column_index", _column) for module in COUNTING),
)
