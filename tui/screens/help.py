"""Every key, made from the bindings themselves."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual.binding import Binding

from tui.charts.plot import Palette
from tui.glyphs import glyphs, plain
from tui.screens.dialog import Dialog

KEY_NAMES = {"question_mark": "?", "escape": "esc", "colon": ":"}
MOVING = [
    ("tab", "From list to list"),
    ("↑ ↓ j k", "Up and down in a list; what is chosen is shown at the right"),
    ("ctrl+p", "Command palette: every action by name"),
]


class HelpScreen(Dialog[None]):
    """Keys, and what the signs of the chart mean."""

    heading = "Help"

    def __init__(self, bindings: list[Binding]) -> None:
        super().__init__()
        self._keys_shown = bindings

    def content(self) -> RenderableType:
        keys = Table.grid(padding=(0, 2))
        keys.add_column(style="bold", no_wrap=True)
        keys.add_column()
        for binding in self._keys_shown:
            name = KEY_NAMES.get(binding.key, binding.key)
            keys.add_row(name, plain(binding.tooltip or binding.description))
        for key, words in MOVING:
            keys.add_row(plain(key).replace("?", "") if glyphs().ascii else key, words)
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
        return Text(" esc ", "reverse").append(" close")
