"""Calls in the forms that chat templates want: numbered, or with their arguments as text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from runner.data.row import Message


def with_ids(turns: Sequence[Message]) -> list[Message]:
    """The turns with each call numbered in nine digits, and the results of calls with the numbers of theirs."""
    known: dict[str, str] = {}
    waiting: list[str] = []
    made: list[Message] = []
    number = 0
    for given in turns:
        turn = given
        if "tool_calls" in turn:
            calls = []
            for call in turn["tool_calls"]:
                number += 1
                waiting.append(f"{number:09}")
                known[str(call.get("id"))] = waiting[-1]
                calls.append({**call, "id": waiting[-1]})
            turn = {**turn, "tool_calls": calls}
        elif turn["role"] == "tool":
            first = waiting.pop(0) if waiting else f"{number:09}"
            turn = {**turn, "tool_call_id": known.get(str(turn.get("tool_call_id")), first)}
        made.append(turn)
    return made


def with_text_arguments(call: dict[str, Any]) -> dict[str, Any]:
    """A call with its arguments as JSON text."""
    arguments = call["function"]["arguments"]
    if isinstance(arguments, str):
        return call
    text = json.dumps(arguments, ensure_ascii=False)
    return {**call, "function": {**call["function"], "arguments": text}}
