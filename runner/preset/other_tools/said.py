"""What is said of a key of another tool: how it is called here, that it is done anyway, or that it is not supported."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from runner.preset.other_tools.conversion import SAME, Conversion

_SETTING = re.compile(r"\b[a-z]+\.[a-z][a-z0-9_]+\b")


class Kind(StrEnum):
    """The three answers there are."""

    CALLED = "called"
    BY_ITSELF = "by itself"
    UNSUPPORTED = "not supported"


@dataclass(frozen=True)
class Said:
    """An answer. `ours` is the setting that is meant, 'train.learning_rate', or what to write; `words` follow it. `by`
    turns its value into ours and back; `names_code` is true of what the other tool would import and run.
    """

    kind: Kind
    ours: str
    words: str
    sentence: str
    by: Conversion = SAME
    names_code: bool = False

    @property
    def named(self) -> tuple[str, ...]:
        """What looks like 'section.key' in it."""
        return tuple(_SETTING.findall(f"{self.ours} {self.words}"))


Keys = Mapping[str, Said]
"""Names, divided by blanks, and what is said of each of them."""
ByValue = Mapping[str, Mapping[str, Said]]
"""Names, and what is said where one has a value, in lower case as YAML writes it: 'true', 'qlora', '-1', 'null'."""


def called(ours: str, words: str = "", by: Conversion = SAME) -> Said:
    """It has a counterpart; `words` say how its value differs."""
    sentence = f"there is no such key. It is called {ours} here.{words and ' ' + words}"
    return Said(Kind.CALLED, ours, words, sentence, by)


def write(settings: str, words: str = "") -> Said:
    """It has a counterpart with another value: `settings` is what stands for it here."""
    return Said(
        Kind.CALLED, settings, words, f"there is no such key. Write {settings} here.{words and ' ' + words}"
    )


def by_itself(why: str) -> Said:
    """It is what ftui does without being told."""
    return Said(Kind.BY_ITSELF, "", why, f"leave it out: ftui does this by itself ({why}).")


def unsupported(instead: str) -> Said:
    """It has no counterpart; `instead` says why, or what to do."""
    return Said(Kind.UNSUPPORTED, "", instead, f"is not supported here. {instead}")


def code(instead: str) -> Said:
    """It names code that the other tool imports and runs, which ftui never does."""
    return Said(Kind.UNSUPPORTED, "", instead, f"is not supported here. {instead}", names_code=True)
