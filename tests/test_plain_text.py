"""The rule for text from outside: what becomes a sign, and what writing needs and stays."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import plain_text

# What no terminal may get, told apart from how the rule finds it.
HIDDEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
LETTERS = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(
            "\x1b\x07\r\n\t\x9b\u202e\u2066\u200b\u200c\u200d\ufeff\U000e0041\U0001f3f4\ufe0f\u2764می👩क्\ud800"
        ),
    ),
    max_size=30,
)

WRITING = {
    "family": "👨‍👩‍👧‍👦",
    "profession with a skin tone": "👩🏽‍💻",
    "heart on fire": "❤️‍🔥",
    "health worker": "👩‍⚕️",
    "pirate flag": "🏴‍☠️",
    "head shaking": "🙂‍↔️",
    "keycap": "1️⃣",
    "flag of England": "🏴" + "".join(chr(0xE0000 + ord(one)) for one in "gbeng") + "\U000e007f",
    "Persian": "می\u200cخواهم",
    "Arabic, a letter that joins to nothing": "ه\u200d",
    "Hindi": "क्\u200dष क्\u200cष हिन्दी",
    "Sinhala": "ශ්\u200dරී",
    "Malayalam": "അവന്\u200d",
    "Hebrew": "שלום",
    "Arabic": "مرحبا",
    "Mongolian": "ᠨᠠ\u180e",
    "a variant of an ideograph": "葛\U000e0100",
    "accents": "é n\u0303",
    "drawing": "⣿▁█│",
    "private use": "\ue0b0",
    "quotes and dashes": "“…” – ≤",
}


@pytest.mark.parametrize("text", WRITING.values(), ids=WRITING.keys())
def test_writing_stays(text: str) -> None:
    assert plain_text.line(text) == text
    assert plain_text.lines(text) == text
    assert plain_text.prose(text) == text
    assert plain_text.in_place(text) == text
    assert plain_text.escaped(text) == text


@pytest.mark.parametrize(
    ("text", "shown", "in_place"),
    [
        ("\x1b[2J", "␛[2J", "␛[2J"),
        ("a\0\x07\x7f", "a␀␇␡", "a␀␇␡"),
        ("\x9b6n", "<U+009B>6n", "�6n"),
        ("a\u202eb\u2066", "a<U+202E>b<U+2066>", "a�b�"),
        ("\u200b\ufeff\u2060", "<U+200B><U+FEFF><U+2060>", "���"),
        ("\U000e0041", "<U+E0041>", "�"),
        ("pass\xadword", "pass<U+00AD>word", "pass�word"),
        ("\ud800", "�", "�"),
        # Joiners between letters that do not join hide in a word.
        ("pay\u200dpal", "pay<U+200D>pal", "pay�pal"),
        ("pay\u200cpal", "pay<U+200C>pal", "pay�pal"),
        ("م\u200c\u200c", "م\u200c<U+200C>", "م\u200c�"),
        ("👩\u200d", "👩<U+200D>", "👩�"),
        # A row of selectors holds bytes.
        ("❤\ufe0f\ufe0f\ufe01", "❤\ufe0f<U+FE0F><U+FE01>", "❤\ufe0f��"),
        ("\ufe0fa", "<U+FE0F>a", "�a"),
        ("🏴\U000e0067\U000e0062\U000e007f", "🏴<U+E0067><U+E0062><U+E007F>", "🏴���"),
        ("a\tb", "a    b", "a\tb"),
        ("a\nb\r", "a␊b␍", "a\nb␍"),
    ],
)
def test_signs(text: str, shown: str, in_place: str) -> None:
    assert plain_text.line(text) == shown
    assert plain_text.in_place(text) == in_place


def test_lines_and_sentences() -> None:
    text = "one\x1b\r\ntwo\n\nthree\r"
    assert plain_text.lines(text) == "one␛\ntwo\n\nthree␍"
    assert plain_text.prose("one\ntwo\r\nthree\x1b") == "one two three␛"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[32mINFO\x1b[0m x", "INFO x"),
        ("\x1b[?25l\x1b[2K 10%", " 10%"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x07", "link"),
        ("\x1b]52;c;aGk=\x07", "\x1b]52;c;aGk=\x07"),
        ("\x1b]0;title", "\x1b]0;title"),
    ],
)
def test_formatting_is_nothing_to_read(text: str, shown: str) -> None:
    assert plain_text.unformatted(text) == shown


@given(LETTERS)
def test_nothing_hidden_is_left(text: str) -> None:
    shown = plain_text.line(text)
    assert not HIDDEN.search(shown)
    assert plain_text.line(shown) == shown
    assert not HIDDEN.search(plain_text.lines(text).replace("\n", ""))
    for odd in ("\n", "\t"):
        text = text.replace(odd, "")
    assert not HIDDEN.search(plain_text.in_place(text))
    assert len(plain_text.in_place(text)) == len(text)


@given(LETTERS.filter(lambda text: not re.search(r"[\ud800-\udbff][\udc00-\udfff]", text)))
def test_json_has_the_same_content(text: str) -> None:
    said = plain_text.escaped(json.dumps([text, {text: 1}], indent=1, ensure_ascii=False))
    assert json.loads(said) == [text, {text: 1}]
    assert not HIDDEN.search(said.replace("\n", ""))
