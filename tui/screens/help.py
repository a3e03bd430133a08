"""Every key, made from the bindings themselves."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from tui.charts.plot import Palette
from tui.glyphs import glyphs, plain
from tui.screens.dialog import Dialog

KEY_NAMES = {
    "question_mark": "?",
    "escape": "esc",
    "colon": ":",
    "slash": "/",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
}
TWO_COLUMNS = 110
MOVING = [
    ("tab", "From list to list"),
    ("↑ ↓ j k", "Up and down in a list; what is chosen is shown at the right"),
    ("ctrl+z", "Back to the shell; fg there comes back"),
    ("ctrl+p", "Command palette: every action by name"),
]


class HelpScreen(Dialog[None]):
    """Keys, and what the signs of the chart mean."""

    heading = "Help"

    def __init__(self, bindings: list[Binding]) -> None:
        super().__init__()
        self._keys_shown = bindings

    def compose(self) -> ComposeResult:
        with Vertical(id="box") as box:
            box.border_title = self.heading
            with VerticalScroll(id="scroll"):
                yield Static(self.content())
            yield Static(self.keys(), id="keys")

    def on_mount(self) -> None:
        self.query_one("#scroll").focus()

    def content(self) -> RenderableType:
        rows = [(key_name(b.key), plain(b.tooltip or b.description)) for b in self._keys_shown]
        rows += [(plain(key).replace("?", "") if glyphs().ascii else key, words) for key, words in MOVING]
        columns = 2 if self.app.size.width >= TWO_COLUMNS else 1
        keys = Table.grid(padding=(0, 2))
        for _ in range(columns):
            keys.add_column(style="bold", no_wrap=True)
            keys.add_column(ratio=1)
        height = -(-len(rows) // columns)
        for at in range(height):
            keys.add_row(*(part for row in rows[at::height] for part in row))
        return Group(keys, Text(""), self._signs())

    def _signs(self) -> Table:
        marks, colours = glyphs(), Palette()
        signs = Table.grid(padding=(0, 2))
        signs.add_column(no_wrap=True)
        signs.add_column()
        for sign, style, words in (
            (marks.eval_point, colours.val, "loss on held-out rows: the one that counts"),
            (
                marks.probe_point,
                colours.probe,
                "loss on some training rows with the same weights: below it is memory",
            ),
            (marks.best_point, colours.best, "the best evaluation: the checkpoint to keep"),
            (marks.not_finite, colours.bad, "a loss that is no number"),
        ):
            signs.add_row(Text(sign, style), words)
        return signs

    def keys(self) -> Text:
        text = Text().append(" esc ", "reverse").append(" close")
        return text.append("    up and down to read on", "dim")


def key_name(key: str) -> str:
    """'?' for 'question_mark'; of several keys the first two."""
    return " ".join(KEY_NAMES.get(one, one) for one in key.split(",")[:2])
