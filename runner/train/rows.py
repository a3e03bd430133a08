"""One row of data in any common shape, normalised to what the trainer is shown.

ShareGPT's "human" and "gpt" become user and assistant here: a chat template takes whatever it is given, so the
unmapped names would be trained on literally, without an error.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Message = dict[str, str]

ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
}


class RowFormat(StrEnum):
    """The shapes that are recognised."""

    MESSAGES = "chat messages"
    SHAREGPT = "ShareGPT"
    PROMPT_COMPLETION = "prompt–completion"
    ALPACA = "Alpaca"
    TEXT = "plain text"


KNOWN_SHAPES = (
    "messages [{role, content}] · conversations [{from, value}] · prompt + completion · "
    "instruction (+ input) + output · text"
)


class RowError(Exception):
    """A row that cannot be used. The message says what is wrong with it; the caller adds file and number."""


@dataclass(frozen=True)
class Row:
    """A normalised row.

    Either `messages` (with the first `context` of them not trained on in any case) or `text` (with its first
    `len(prompt)` characters not trained on) is set. `source` is 0 for the preset's own rows, then counts data.mix.
    """

    number: int
    format: RowFormat
    messages: tuple[Message, ...] = ()
    context: int = 0
    prompt: str = ""
    text: str = ""
    source: int = 0

    @property
    def key(self) -> str:
        """Equal for rows with equal content, whatever shape they came in."""
        content = json.dumps([self.messages, self.prompt, self.text], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode("utf-8", errors="replace")).hexdigest()

    @property
    def short_key(self) -> int:
        """The same in 64 bits: what a million rows are told apart by in eight megabytes."""
        return int(self.key[:16], 16)


def normalise(raw: Mapping[str, Any], number: int) -> Row:
    """Recognise and normalise one row; `number` is its 1-based place in the source. Raises RowError."""
    if _has(raw, "messages"):
        return _chat(raw["messages"], number, RowFormat.MESSAGES)
    if _has(raw, "conversations"):
        return _chat(raw["conversations"], number, RowFormat.SHAREGPT, raw.get("system"))
    if _has(raw, "prompt") and _has(raw, "completion"):
        return _prompt_completion(raw["prompt"], raw["completion"], number)
    if _has(raw, "instruction") and _has(raw, "output"):
        return _alpaca(raw, number)
    if _has(raw, "text"):
        return _text(raw["text"], number)
    keys = ", ".join(str(key) for key in raw) or "no keys at all"
    raise RowError(f"has {keys}; none of the known shapes fits: {KNOWN_SHAPES}")


def _has(raw: Mapping[str, Any], key: str) -> bool:
    return raw.get(key) is not None


def _chat(turns: Any, number: int, shape: RowFormat, system: Any = None) -> Row:
    messages = _messages(turns)
    if isinstance(system, str) and system and messages[0]["role"] != "system":
        messages = ({"role": "system", "content": system}, *messages)
    if not any(message["role"] == "assistant" for message in messages):
        raise RowError("has no assistant turn, so there is nothing to learn from it")
    return Row(number, shape, messages)


def _messages(turns: Any) -> tuple[Message, ...]:
    if not isinstance(turns, list) or not turns:
        raise RowError(f"its conversation is {type(turns).__name__}, not a list of turns")
    return tuple(_message(turn, place) for place, turn in enumerate(turns, start=1))


def _message(turn: Any, place: int) -> Message:
    if not isinstance(turn, Mapping):
        raise RowError(f"turn {place} is {type(turn).__name__}, not an object with role and content")
    role = turn.get("role", turn.get("from"))
    content = turn.get("content", turn.get("value"))
    if not isinstance(role, str) or role.lower() not in ROLES:
        raise RowError(f"turn {place} has the role {role!r}; known are {', '.join(ROLES)}")
    if not isinstance(content, str):
        raise RowError(f"turn {place} has {type(content).__name__} as content, not text")
    return {"role": ROLES[role.lower()], "content": content}


def _prompt_completion(prompt: Any, completion: Any, number: int) -> Row:
    if isinstance(prompt, str) and isinstance(completion, str):
        if not completion:
            raise RowError("its completion is empty")
        return Row(number, RowFormat.PROMPT_COMPLETION, prompt=prompt, text=prompt + completion)
    if isinstance(prompt, list) and isinstance(completion, list):
        before, after = _messages(prompt), _messages(completion)
        if not any(message["role"] == "assistant" for message in after):
            raise RowError("its completion has no assistant turn")
        return Row(number, RowFormat.PROMPT_COMPLETION, (*before, *after), context=len(before))
    raise RowError("prompt and completion must both be text, or both lists of turns")


def _alpaca(raw: Mapping[str, Any], number: int) -> Row:
    instruction, given, output = raw["instruction"], raw.get("input") or "", raw["output"]
    if not all(isinstance(part, str) for part in (instruction, given, output)):
        raise RowError("instruction, input and output must be text")
    if not output:
        raise RowError("its output is empty")
    question = f"{instruction}\n\n{given}" if given else instruction
    turns = ({"role": "user", "content": question}, {"role": "assistant", "content": output})
    system = raw.get("system")
    if isinstance(system, str) and system:
        turns = ({"role": "system", "content": system}, *turns)  # type: ignore[assignment]
    return Row(number, RowFormat.ALPACA, turns)


def _text(text: Any, number: int) -> Row:
    if not isinstance(text, str) or not text.strip():
        raise RowError("its text is empty" if isinstance(text, str) else "its text is not text")
    return Row(number, RowFormat.TEXT, text=text)
