"""Rows of turns: with their system prompt at the front, their tools, and without what comes after the last answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from runner.data.columns import Columns
from runner.data.row import LeftOutError, Row, RowError, RowFormat, Stretch
from runner.data.tools import tools_of
from runner.data.turns import Conversation
from runner.preset.reading import Reading


def turns_of(turns: Any, name: str) -> list[Any]:
    if isinstance(turns, str):
        try:
            turns = json.loads(turns)
        except (ValueError, RecursionError):
            raise RowError(f"its {name} are text that is no JSON, not a list of turns") from None
    if isinstance(turns, Mapping):
        turns = [turns]
    if not isinstance(turns, list):
        raise RowError(f"its {name} are {type(turns).__name__}, not a list of turns")
    if not turns:
        raise RowError(f"its {name} are empty")
    return turns


def read(turns: list[Any]) -> Conversation:
    found = Conversation()
    for turn in turns:
        found.add(turn)
    return found


def chat(
    columns: Columns, turns: list[Any], number: int, shape: RowFormat, reading: Reading, context: int = 0
) -> Row:
    talk = read(turns)
    tools = tools_of(columns.take("tools")) or tools_of(columns.take("functions"))
    return finished(columns, talk, number, shape, reading, context, tools)


def finished(
    columns: Columns,
    talk: Conversation,
    number: int,
    shape: RowFormat,
    reading: Reading,
    context: int = 0,
    tools: tuple[dict[str, Any], ...] = (),
) -> Row:
    """A row of turns: with its system prompt at the front and without what comes after its last answer."""
    messages, masked, remarks = talk.messages, talk.masked, talk.remarks
    system = columns.text("system") or columns.text("system_prompt")
    if system.strip():
        if messages[0]["role"] != "system":
            messages = [{"role": "system", "content": system}, *messages]
            masked = [Stretch(one.turn + 1, one.start, one.end) for one in masked]
            context += 1 if context else 0
        elif messages[0]["content"].strip() != system.strip():
            remarks = [*remarks, "column system is not used: the conversation has a system prompt of its own"]
    last = max((place for place, one in enumerate(messages) if one["role"] == "assistant"), default=-1)
    if last < context:
        raise RowError(
            "has no assistant turn, so there is nothing to learn from it"
            if not context
            else "its completion has no assistant turn"
        )
    if last + 1 < len(messages):
        remarks = [*remarks, "turns after the last answer are left out"]
        messages = messages[: last + 1]
    if reading.merges_system and messages[0]["role"] == "system":
        messages, context, masked = _merged(messages, context, masked)
    row = Row(
        number, shape, tuple(messages), context, tools=tools, masked=tuple(masked), remarks=tuple(remarks)
    )
    if not row.answers:
        raise LeftOutError("its author marked every answer as not to be learned")
    return row


def _merged(
    messages: list[dict[str, Any]], context: int, masked: list[Stretch]
) -> tuple[list[dict[str, Any]], int, list[Stretch]]:
    """With the system prompt at the front of the first question, for templates that take none."""
    system, first, *rest = messages
    if first["role"] != "user":
        raise RowError("its system prompt cannot be merged: no question follows it")
    question = {**first, "content": f"{system['content']}\n\n{first['content']}"}
    return (
        [question, *rest],
        max(0, context - 1),
        [Stretch(one.turn - 1, one.start, one.end) for one in masked],
    )
