"""The turns of a conversation: roles under every name, content in parts, calls and their results, reasoning, and what
its author marked as not to be learned.

ShareGPT's "human" and "gpt" become user and assistant here: a chat template takes whatever it is given, so the
unmapped names would be trained on literally, without an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.data.row import Message, RowError, Stretch, is_none, switch_of, text_of
from runner.data.tools import calls_of, plain

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
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
    "tool_response": "tool",
    "function_response": "tool",
    "ipython": "tool",
}
# Turns that are nothing but calls.
CALLS = ("function_call", "tool_call", "tool_calls")
REASONING = ("reasoning_content", "reasoning", "thinking")
SWITCHES = ("train", "training")
DETAILS = ("train_detail", "training_detail")
TEXT_PARTS = ("text", "input_text", "output_text")
_USED = {"role", "from", "content", "value", "tool_calls", "function_call", "tool_call_id", "name", "weight"}
_USED |= {*REASONING, *SWITCHES, *DETAILS}


@dataclass
class Conversation:
    """Turns as they are read, with what is masked in them and what is to be said of them."""

    messages: list[Message] = field(default_factory=list)
    masked: list[Stretch] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def add(self, turn: Any) -> None:
        """Read one more turn. Raises RowError."""
        if (plain := _plain(turn)) is not None:
            self.messages.append(plain)
            return
        place = len(self.messages)
        where = f"turn {place + 1}"
        if not isinstance(turn, Mapping):
            raise RowError(f"{where} is {type(turn).__name__}, not an object with role and content")
        role = turn.get("role", turn.get("from"))
        name = role.strip().lower() if isinstance(role, str) else ""
        content = turn.get("content", turn.get("value"))
        if name in CALLS:
            message: Message = {"role": "assistant", "content": "", "tool_calls": calls_of(content, where)}
        elif name in ROLES:
            message = self._message(turn, ROLES[name], content, where)
        else:
            raise RowError(f"{where} has the role {role!r}; known are {', '.join((*ROLES, *CALLS))}")
        self.messages.append(message)
        if message["role"] == "assistant":
            self._switches(turn, place, message)
        elif any(_mark(turn, key, where) for key in SWITCHES):
            self.remarks.append("turns that are no answers are marked to be learned; only answers are")
        unknown = [str(key) for key in turn if key not in _USED and not _is_empty(turn[key])]
        if unknown:
            self.remarks.append(f"not used of turns: {', '.join(unknown)}")

    def _message(self, turn: Mapping[str, Any], role: str, content: Any, where: str) -> Message:
        message: Message = {"role": role, "content": ""}
        thought = next((turn[key] for key in REASONING if not _is_empty(turn.get(key))), None)
        if isinstance(content, list):
            content, parts_thought = _joined(content, where)
            thought = thought or parts_thought
        calls = [call for key in ("tool_calls", "function_call") for call in self._calls(turn, key, where)]
        text = text_of(content)
        if text is None and not is_none(content):
            if role != "tool":
                raise RowError(f"{where} ({role}) has {type(content).__name__} as content, not text")
            text = json.dumps(plain(content, where), ensure_ascii=False)
        if text is None and not calls and (role != "tool"):
            raise RowError(f"{where} ({role}) has no content")
        message["content"] = text or ""
        if calls:
            message["tool_calls"] = calls
        if thought is not None:
            if not isinstance(thought, str):
                raise RowError(f"{where} has {type(thought).__name__} as reasoning, not text")
            message["reasoning_content"] = thought
        for key in ("name", "tool_call_id"):
            if isinstance(turn.get(key), str):
                message[key] = turn[key]
        return message

    @staticmethod
    def _calls(turn: Mapping[str, Any], key: str, where: str) -> list[dict[str, Any]]:
        return [] if _is_empty(turn.get(key)) else calls_of(turn[key], f"{where}: its {key}")

    def _switches(self, turn: Mapping[str, Any], place: int, message: Message) -> None:
        where = f"turn {place + 1}"
        is_off = any(_mark(turn, key, where) is False for key in SWITCHES)
        weight = turn.get("weight")
        if not is_none(weight):
            found = switch_of(weight)
            is_off = is_off or found is False
            if found is None:
                if text_of(weight) is None or not re.fullmatch(r"\s*\d*\.?\d+\s*", str(weight)):
                    raise RowError(f"{where} has the weight {weight!r}, which is no number")
                self.remarks.append("weights of turns other than 0 and 1 are taken as 1")
        details = next((turn[key] for key in DETAILS if not _is_empty(turn.get(key))), None)
        if is_off or details is not None:
            self.remarks.append("what its author marked in its turns is not learned")
        if is_off:
            self.masked.append(Stretch(place))
        elif details is not None:
            self.masked += _masked(details, place, message["content"])
        elif not (message["content"].strip() or message.get("tool_calls")):
            raise RowError(f"turn {place + 1} is an answer without content")


def _mark(turn: Mapping[str, Any], key: str, where: str) -> bool | None:
    """A mark of a turn; None without one. Raises RowError for one that says neither yes nor no."""
    value = turn.get(key)
    if _is_empty(value):
        return None
    if (found := switch_of(value)) is None:
        raise RowError(f"{where} is marked {key}: {value!r}, which says neither yes nor no")
    return found


def _plain(turn: Any) -> Message | None:
    """A turn that is a role and a text and nothing else, as nearly all are; None for any other."""
    if not isinstance(turn, dict) or len(turn) != 2:
        return None
    role, content = turn.get("role", turn.get("from")), turn.get("content", turn.get("value"))
    if not isinstance(role, str) or not isinstance(content, str):
        return None
    known = ROLES.get(role)
    if known is None or (known == "assistant" and not content.strip()):
        return None
    return {"role": known, "content": content}


def _masked(details: Any, place: int, content: str) -> list[Stretch]:
    """Axolotl's train_detail: [{begin_offset, end_offset, train}], offsets of characters, the last one included."""
    found = []
    for one in details if isinstance(details, list) else [details]:
        if not isinstance(one, Mapping):
            raise RowError(f"turn {place + 1} has a train_detail that is no list of objects")
        begin, end, train = one.get("begin_offset"), one.get("end_offset"), one.get("train")
        if not isinstance(begin, int) or not isinstance(end, int) or not isinstance(train, bool):
            raise RowError(f"turn {place + 1} has a train_detail without begin_offset, end_offset and train")
        if not 0 <= begin <= end < max(1, len(content)):
            raise RowError(
                f"turn {place + 1} has a train_detail from {begin} to {end}, beyond its {len(content)} characters"
            )
        if not train:
            found.append(Stretch(place, begin, end + 1))
    return found


def _joined(parts: list[Any], where: str) -> tuple[str, str | None]:
    """The text of content in parts, and the reasoning among them. Raises RowError for images and the like."""
    texts, thoughts = [], []
    for part in parts:
        kind = part.get("type", "text") if isinstance(part, Mapping) else "text"
        if isinstance(part, str):
            texts.append(part)
        elif kind in TEXT_PARTS and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif kind in ("thinking", "reasoning") and isinstance(
            thought := part.get("thinking", part.get("text")), str
        ):
            thoughts.append(thought)
        else:
            raise RowError(f"{where} has a part of the type {kind!r}; ftui trains on text alone")
    return "".join(texts), "\n".join(thoughts) or None


def _is_empty(value: Any) -> bool:
    return is_none(value) or (isinstance(value, str | list | dict) and not value)
