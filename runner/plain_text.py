"""Text from outside made safe to show: what a terminal would obey, what turns words round and what cannot be seen
become visible signs.

Signs are given to control characters (ECMA-48), to bidirectional embeddings, overrides and isolates (UAX #9; they are
what CVE-2021-42574 hides code with), to Unicode's Default_Ignorable_Code_Points (UAX #44), which show nothing, to line
and paragraph separators and to halves of surrogate pairs. What writing needs stays: right-to-left letters, joiners
after letters of scripts that join (UAX #31, 2.3), emoji joined with one another, one variation selector after what it
selects, and the three flags that are spelled with tags (UTS #51).
"""

from __future__ import annotations

import re
from collections.abc import Callable

# Blocks whose letters take other forms beside a joiner: Arabic to N'Ko, the scripts of India and south-east Asia,
# Mongolian, Adlam.
_JOINING = (
    "\u0600-\u061b\u061d-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u180a\u1810-\u18af\u1a20-\u1aaf\u1b00-\u1bff"
    "\ua800-\ua8ff\ua980-\uaaff\uabc0-\uabff\ufb50-\ufdff\ufe70-\ufefc"
    "\U00010a00-\U00010fff\U00011000-\U00011fff\U0001e900-\U0001e95f"
)
_EMOJI = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
# Skin tones are emoji themselves; these stand between an emoji and its joiner.
_AFTER_EMOJI = "\ufe0f\u20e3"
_SELECTORS = "\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
_CONTROL = r"\x00-\x1f\x7f-\x9f"
_LINE_ENDS = "\u2028\u2029"
_SURROGATES = r"\ud800-\udfff"
_DIRECTIONS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"
_UNSEEN = (
    "\u00ad\u034f\u17b4\u17b5\u200b\u2060-\u2065\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
)
_FLAGS = "|".join(
    "\U0001f3f4" + "".join(chr(0xE0000 + ord(letter)) for letter in place) + "\U000e007f"
    for place in ("gbeng", "gbsct", "gbwls")
)
_HIDDEN = re.compile(
    f"(?P<flag>{_FLAGS})"
    f"|[{_CONTROL}{_LINE_ENDS}{_SURROGATES}{_DIRECTIONS}{_UNSEEN}]"
    f"|\u200c(?<![{_JOINING}]\u200c)"
    f"|\u200d(?<![{_JOINING}]\u200d)(?!(?<=[{_EMOJI}{_AFTER_EMOJI}]\u200d)[{_EMOJI}])"
    "|\u180e(?<![\u1820-\u18aa]\u180e)"
    f"|[{_SELECTORS}](?:(?<=[{_SELECTORS}][{_SELECTORS}])|(?<![\\s\\S][\\s\\S]))"
)
# What programs print to be seen on a terminal and is nothing to read: colours and moves (CSI), and links (OSC 8).
_FORMATTING = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\]8;[^\x07\x1b]*(?:\x07|\x1b\\)")
UNDECODED = "\ufffd"
TAB = "    "


def replaced(text: str, sign: Callable[[str], str]) -> str:
    """Text with something else for each hidden character, line ends and tabs among them."""
    return _HIDDEN.sub(lambda found: found["flag"] or sign(found[0]), text)


def line(text: str) -> str:
    """Text for one line, with a sign for a line's end too."""
    if text.isascii() and text.isprintable():
        return text
    return replaced(text.replace("\t", TAB), _sign)


def lines(text: str) -> str:
    """Text of several lines, which stay."""
    if text.isascii() and text.isprintable():
        return text
    return "\n".join(line(one) for one in text.replace("\r\n", "\n").split("\n"))


def prose(text: str) -> str:
    """Sentences as one line: a line's end is a blank between words."""
    return line(" ".join(text.splitlines()))


def unformatted(text: str) -> str:
    """Printed text without its colours, moves of the cursor and links; what else it would have a terminal do stays."""
    return _FORMATTING.sub("", text) if "\x1b" in text else text


def in_place(text: str, ascii: bool = False) -> str:  # noqa: A002 - what it is
    """Text as long as it was, a sign for each hidden character, so that places in it stay; lines and tabs too. With
    `ascii` all signs are question marks.
    """
    if text.isascii() and text.isprintable():
        return text
    return replaced(text, lambda hidden: _sign_in_place(hidden, ascii))


def escaped(json_text: str) -> str:
    """JSON with the same content, whose hidden characters are escapes. Lines outside strings stay."""
    return replaced(json_text, escape)


def escape(character: str) -> str:
    """A character as JSON writes it with ASCII; a line's end stays."""
    if character == "\n":
        return character
    data = character.encode("utf-16-be", errors="surrogatepass")
    return "".join(f"\\u{data[at : at + 2].hex()}" for at in range(0, len(data), 2))


def _sign(character: str) -> str:
    code = ord(character)
    return UNDECODED if 0xD800 <= code <= 0xDFFF else _picture(code) or f"<U+{code:04X}>"


def _sign_in_place(character: str, in_ascii: bool) -> str:
    if character in "\n\t":
        return character
    return "?" if in_ascii else _picture(ord(character)) or UNDECODED


def _picture(code: int) -> str:
    """Unicode's picture of a control character; it has none for C1."""
    return chr(0x2400 + code) if code < 0x20 else "␡" if code == 0x7F else ""
