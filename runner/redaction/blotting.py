"""Secrets in a text: those known by name or from a file, and what looks like a token."""

from __future__ import annotations

import os
import re
from functools import cache

from runner.redaction import token_shapes
from runner.redaction.environment import secrets_in, spellings
from runner.redaction.token_shapes import BLOT

# "training", "my-project": in a text they are likelier the word than the secret.
_WORD = re.compile(r"(?=.{1,20}\Z)[^\W\d]+(?:[._-][^\W\d]+)*")
_PATH_STARTS = ("/", "./", "../", "~")


@cache
def _known() -> dict[str, str]:
    """{spelling of a secret: where it is from}, longest first, of this process's environment at the first use."""
    found = {
        spelling: place for value, place in secrets_in(os.environ).items() for spelling in spellings(value)
    }
    return dict(sorted(found.items(), key=lambda one: len(one[0]), reverse=True))


def look_again() -> None:
    """Look the secrets up anew at the next use: the environment is another one now."""
    _known.cache_clear()


def redacted(text: str) -> str:
    """A text with every secret blotted out."""
    for spelling in _known():
        if spelling in text:
            text = text.replace(spelling, BLOT)
    return token_shapes.without(text)


def secret_in(text: str) -> str:
    """What a text is that should be none, in words that do not tell it: 'the value of HF_TOKEN'; empty for nothing.

    A secret that is a common word, or stands in a path, counts only where it is the whole text.
    """
    text = text.strip()
    known = _known()
    if text in known:
        return f"the value of {known[text]}"
    if not text.startswith(_PATH_STARTS):
        for spelling, place in known.items():
            if spelling in text and not _WORD.fullmatch(spelling):
                return f"the value of {place}"
    name = token_shapes.kind_in(text)
    return f"a secret ({name})" if name else ""
