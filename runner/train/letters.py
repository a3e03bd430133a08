"""Control tokens that people typed: '<|im_end|>' in a message is letters, never the token that ends a turn.

A mark is put into each before the template is applied, so that no tokenizer takes them for the token; the text is then
encoded in the pieces between the marks, and the marks are gone.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

from runner.data.errors import TrainingError
from runner.data.row import Message

# Of Unicode's private use: no text has a meaning for them.
MARKS = ("\uf8f7", "\uf8f8", "\uf8f9")
Span = tuple[int, int]


@dataclass
class Letters:
    """What keeps a tokenizer's control tokens from being made of what was typed."""

    tokenizer: Any
    _pattern: re.Pattern[str] | None = field(init=False)
    _begins: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        tokens = sorted({str(token) for token in self.tokenizer.all_special_tokens if len(str(token)) > 1})
        # Those a tokenizer knows beside the usual eight: <|start_header_id|>, [INST] …
        added = getattr(self.tokenizer, "added_tokens_decoder", {})
        tokens = sorted({*tokens, *(str(one) for one in added.values() if one.special and len(str(one)) > 1)})
        self._begins = frozenset(token[0] for token in tokens)
        self._pattern = re.compile("|".join(map(re.escape, tokens))) if tokens else None

    def has(self, text: str) -> bool:
        """Whether a control token is written in a text. Most texts have not even the first letter of one."""
        if self._pattern is None or not any(letter in text for letter in self._begins):
            return False
        return self._pattern.search(text) is not None

    def are_in(self, message: Message) -> bool:
        """Whether one is written anywhere in a turn."""
        if len(message) == 2:
            return self.has(message["content"])
        return any(self.has(str(value)) for key, value in message.items() if key != "role")

    def guarded(self, message: Message, mark: str) -> Message:
        """The message with a mark in every control token that is written in it."""
        return {key: value if key == "role" else self.marked(value, mark) for key, value in message.items()}

    def moved(self, text: str, place: int) -> int:
        """Where a place of a text is once there are marks in it."""
        assert self._pattern is not None
        return place + sum(found.start() < place for found in self._pattern.finditer(text))

    def marked(self, value: Any, mark: str) -> Any:
        """A value with the mark in every control token that is written anywhere in it."""
        if isinstance(value, str):
            assert self._pattern is not None
            return self._pattern.sub(lambda found: found[0][0] + mark + found[0][1:], value)
        if isinstance(value, dict):
            return {self.marked(key, mark): self.marked(one, mark) for key, one in value.items()}
        return [self.marked(one, mark) for one in value] if isinstance(value, list) else value


def mark_for(texts: list[str]) -> str:
    """A mark that stands in none of these texts. Raises TrainingError when all of them do."""
    for mark in MARKS:
        if not any(mark in text for text in texts):
            return mark
    raise TrainingError(
        "It has control tokens and every mark ftui knows.", "Remove the private-use characters."
    )


def without(text: str, mark: str, spans: list[Span]) -> tuple[str, list[Span]]:
    """A text without its marks, and spans of characters moved along with it."""
    places = [found.start() for found in re.finditer(mark, text)]
    return text.replace(mark, ""), [
        (start - bisect_right(places, start - 1), end - bisect_right(places, end - 1)) for start, end in spans
    ]


def encode_pieces(tokenizer: Any, text: str, mark: str) -> tuple[list[int], list[Span]]:
    """Token ids and offsets of a text without its marks, encoded between them. Raises TrainingError where the tokenizer
    would write a blank at the seams.
    """
    ids: list[int] = []
    offsets: list[Span] = []
    start = 0
    for piece in text.split(mark):
        found = tokenizer(
            piece, add_special_tokens=False, return_offsets_mapping=True, truncation=False, verbose=False
        )
        new = list(found["input_ids"])
        first = str(tokenizer.convert_ids_to_tokens(new[0])) if new else ""
        if start and first.startswith("▁") and not piece.startswith((" ", "▁")):
            raise TrainingError(
                "has a control token of the model in its text, which this tokenizer cannot write as letters",
                "Write it otherwise, or remove it.",
            )
        ids += new
        offsets += [(begin + start, end + start) for begin, end in found["offset_mapping"]]
        start += len(piece)
    return ids, offsets
