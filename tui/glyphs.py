"""The characters the screen draws with: Unicode, or plain ASCII where a terminal has no more (FTUI_ASCII=1)."""

from __future__ import annotations

import locale
import os
import sys
from dataclasses import dataclass
from typing import Literal

from runner import plain_text


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
    """ASCII when FTUI_ASCII is set, or the locale or stdout is not UTF-8; Unicode otherwise."""
    encodings = (locale.getpreferredencoding(False), getattr(sys.stdout, "encoding", None) or "utf-8")
    is_utf = all(encoding.lower().startswith("utf") for encoding in encodings)
    return UNICODE if is_utf and not is_ascii_asked_for() else ASCII


def is_ascii_asked_for() -> bool:
    """Whether not even letters of the terminal's own encoding are wanted."""
    return bool(os.environ.get("FTUI_ASCII"))


_chosen: Glyphs | None = None


def glyphs() -> Glyphs:
    """The set for this process, chosen at first use."""
    global _chosen
    if _chosen is None:
        _chosen = choose()
    return _chosen


# What stands for a sign where there is only ASCII; signs of UNICODE are those of ASCII.
_WORDS = {
    **{
        sign: getattr(ASCII, name)
        for name, sign in vars(UNICODE).items()
        if isinstance(sign, str) and len(sign) == 1
    },
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
    "≥": ">=",
    "−": "-",
    "≈": "~",
    "√": "root",
    "│": "|",
    "└": "+",
    "╴": "-",
    # Pictures of control characters.
    **{chr(0x2400 + code): f"<U+{code:04X}>" for code in range(0x20)},
    "␡": "<U+007F>",
}


def plain(text: str) -> str:
    """Text fit for the screen, of one or several lines: hidden characters are signs; with ASCII alone the rest has the
    form it has there.
    """
    text = plain_text.lines(text)
    return in_ascii(text) if glyphs().ascii else text


def in_ascii(text: str) -> str:
    """Signs that have a plain form get it, and the rest becomes '?'."""
    if text.isascii():
        return text
    return "".join(_WORDS.get(one, one) for one in text).encode("ascii", errors="replace").decode("ascii")
