"""One row of data, normalised to what the trainer is shown."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from enum import StrEnum
from typing import Any

# role, content, and where there are any: tool_calls, reasoning_content, name, tool_call_id. What templates take.
Message = dict[str, Any]


class RowFormat(StrEnum):
    """The shapes that are recognised."""

    MESSAGES = "chat messages"
    SHAREGPT = "ShareGPT"
    PROMPT_COMPLETION = "prompt–completion"
    ALPACA = "Alpaca"
    QUESTION_ANSWER = "question–answer"
    TEXT = "plain text"


class RowError(Exception):
    """A row that cannot be used. The message says what is wrong with it; the caller adds file and number."""


class LeftOutError(RowError):
    """A row that is not to be learned, by its author's mark or by a setting."""


@dataclass(frozen=True)
class Stretch:
    """Characters of a turn that are not to be learned: from `start` up to `end` of its content, all of it without."""

    turn: int
    start: int = 0
    end: int | None = None

    @property
    def is_whole(self) -> bool:
        return self.start == 0 and self.end is None


@dataclass(frozen=True)
class Row:
    """A normalised row.

    Either `messages` (with the first `context` of them not trained on in any case, and nothing of what is `masked`) or
    `text` (with its first `len(prompt)` characters not trained on) is set. `tools` are the JSON schemas a template is
    shown. `source` is 0 for the preset's own rows, then counts data.mix. `remarks` say what of the row is used
    otherwise than it stands there, or not at all.
    """

    number: int
    format: RowFormat
    messages: tuple[Message, ...] = ()
    context: int = 0
    prompt: str = ""
    text: str = ""
    source: int = 0
    tools: tuple[dict[str, Any], ...] = ()
    masked: tuple[Stretch, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def answers(self) -> list[int]:
        """Places of the turns that are learned, in whole or in part."""
        silent = {one.turn for one in self.masked if one.is_whole}
        return [
            place
            for place in range(self.context, len(self.messages))
            if self.messages[place]["role"] == "assistant" and place not in silent
        ]

    @property
    def key(self) -> str:
        """Equal for rows with equal content, whatever shape they came in."""
        parts: list[Any] = [self.messages, self.prompt, self.text]
        if self.tools or self.masked:
            parts += [self.tools, [(one.turn, one.start, one.end) for one in self.masked]]
        content = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
        return hashlib.sha256(content.encode("utf-8", errors="replace")).hexdigest()

    @property
    def short_key(self) -> int:
        """The same in 64 bits: what a million rows are told apart by in eight megabytes."""
        return int(self.key[:16], 16)


def text_of(value: Any) -> str | None:
    """A value as text: numbers and dates as they are written; None for null, NaN, and for all that is no text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return None
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float) and value == value:
        return repr(value)
    return None


_SWITCHES = {
    "true": True,
    "yes": True,
    "1": True,
    "1.0": True,
    "false": False,
    "no": False,
    "0": False,
    "0.0": False,
}


def switch_of(value: Any) -> bool | None:
    """A mark that says yes or no, in any of the ways they are written in; None for whatever is none."""
    if isinstance(value, bool | int | float):
        return bool(value) if value in (0, 1) else None
    return _SWITCHES.get(value.strip().lower()) if isinstance(value, str) else None


def is_none(value: Any) -> bool:
    """Whether a value is not there: null, or the NaN that pandas writes for it."""
    return value is None or (isinstance(value, float) and value != value)
