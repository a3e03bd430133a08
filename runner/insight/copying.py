"""What an answer has copied from the training rows: the longest span of words that stands in one of them as well."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Chinese and Japanese are written without spaces: each character is a word, and one of about two in a real word.
_CHARACTERS = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
WORD = re.compile(rf"[{_CHARACTERS}]|[^\W{_CHARACTERS}]+")
_CHARACTER = re.compile(f"[{_CHARACTERS}]")
# Shorter spans are common phrases.
LEAST_WORDS = 8
MOST_PLACES = 4


@dataclass(frozen=True)
class Copied:
    """A span [start, end) of characters of an answer whose `words` words stand one after the other in row `row`."""

    row: tuple[int, int]
    start: int
    end: int
    words: int


class TrainingText:
    """Every run of eight words of the rows, by its hash. Case, punctuation and spaces do not count."""

    def __init__(self, rows: Iterable[tuple[tuple[int, int], str]], most_words: int = 20_000_000) -> None:
        self._words: list[list[str]] = []
        self._names: list[tuple[int, int]] = []
        self._places: dict[int, list[tuple[int, int]]] = {}
        left = most_words
        for name, text in rows:
            words = normalised(text)
            left -= len(words)
            if left < 0:
                break
            self._names.append(name)
            self._words.append(words)
            for at in range(len(words) - LEAST_WORDS + 1):
                places = self._places.setdefault(hash(tuple(words[at : at + LEAST_WORDS])), [])
                if len(places) < MOST_PLACES:
                    places.append((len(self._words) - 1, at))

    def copied(self, answer: str, prompt: str = "") -> Copied | None:
        """The longest span of the answer found in a row; None for less than eight words. What stands in the prompt too
        was repeated, not remembered.
        """
        matches = list(WORD.finditer(answer))
        words = [match.group().lower() for match in matches]
        # Between blanks, so that a word is not found inside a longer one.
        asked = f" {' '.join(normalised(prompt))} "
        best: Copied | None = None
        for at in range(len(words) - LEAST_WORDS + 1):
            length, row = self._longest(words, at)
            if not length or (best is not None and length <= best.words):
                continue
            if f" {' '.join(words[at : at + length])} " not in asked:
                best = Copied(row, matches[at].start(), matches[at + length - 1].end(), length)
        return best

    def _longest(self, words: Sequence[str], at: int) -> tuple[int, tuple[int, int]]:
        longest, found = 0, (0, 0)
        for row, place in self._places.get(hash(tuple(words[at : at + LEAST_WORDS])), ()):
            text = self._words[row]
            length = 0
            while (
                at + length < len(words)
                and place + length < len(text)
                and words[at + length] == text[place + length]
            ):
                length += 1
            if length > longest and _real_words(words[at : at + length]) >= LEAST_WORDS:
                longest, found = length, self._names[row]
        return longest, found


def _real_words(words: Sequence[str]) -> float:
    return sum(0.5 if _CHARACTER.match(word) else 1.0 for word in words)


def normalised(text: str) -> list[str]:
    """The words of a text, small."""
    return [match.group().lower() for match in WORD.finditer(text)]
