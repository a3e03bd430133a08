"""The characters the screen draws with: Unicode, or plain ASCII where a terminal has no more (FTUI_ASCII=1)."""

from __future__ import annotations

import locale
import os
from dataclasses import dataclass
from typing import Literal

from runner.store.console import clean_lines


@dataclass(frozen=True)
class Glyphs:
    """One set of characters; `sparks` goes from low to high, `set_points` are the signs of further held-out sets, `up`
    warns and `remark` does not.
    """

    ascii: bool
    sparks: str
    bar_full: str
    bar_empty: str
    running: str
    queued: str
    finished: str
    stopped: str
    failed: str
    eval_point: str
    set_points: str
    probe_point: str
    best_point: str
    not_finite: str
    epoch_mark: str
    times: str
    dot: str
    up: str
    remark: str
    dash: str
    arrow: str
    degree: str

    @property
    def overflow(self) -> Literal["crop", "ellipsis"]:
        """How text that is too long for its place ends."""
        return "crop" if self.ascii else "ellipsis"


UNICODE = Glyphs(
    False,
    "▁▂▃▄▅▆▇█",
    "━",
    "─",
    "●",
    "◌",
    "✔",
    "■",
    "✖",
    "◆",
    "■▼●",
    "◇",
    "★",
    "×",
    "┊",
    "×",
    "·",
    "▲",
    "△",
    "–",
    "→",
    "°C",
)
ASCII = Glyphs(
    True,
    "_.-~=+*#",
    "#",
    "-",
    "*",
    "o",
    "+",
    "=",
    "x",
    "O",
    "#%&",
    "o",
    "@",
    "!",
    ":",
    "x",
    "-",
    "^",
    "~",
    "-",
    "->",
    "C",
)


def choose() -> Glyphs:
    """ASCII when FTUI_ASCII is set or the locale is not UTF-8, Unicode otherwise."""
    if os.environ.get("FTUI_ASCII"):
        return ASCII
    encoding = locale.getpreferredencoding(False).lower().replace("-", "")
    return UNICODE if encoding.startswith("utf") else ASCII


_chosen: Glyphs | None = None


def glyphs() -> Glyphs:
    """The set for this process, chosen at first use."""
    global _chosen
    if _chosen is None:
        _chosen = choose()
    return _chosen


def plain(text: str) -> str:
    """Text fit for the screen: without control sequences; in ASCII, signs that have a plain form get it and the rest
    becomes '?'.
    """
    text = clean_lines(text)
    if not glyphs().ascii:
        return text
    table = {
        "×": "x",
        "·": "-",
        "→": "->",
        "–": "-",
        "—": "-",
        "±": "+-",
        "…": "...",
        "°": "",
        "÷": "/",
        "≤": "<=",
        "−": "-",
        "≈": "~",
        "√": "root",
    }
    for sign, word in table.items():
        text = text.replace(sign, word)
    return text.encode("ascii", errors="replace").decode("ascii")
