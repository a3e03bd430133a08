"""Tools and their calls in the shapes of OpenAI, ShareGPT and LLaMA-Factory, made what chat templates take: a JSON
schema {"type": "function", "function": {…}} for each tool, {"type": "function", "function": {"name", "arguments"}} for
each call, its arguments an object.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from runner.data.row import RowError, is_none, text_of


def tools_of(value: Any) -> tuple[dict[str, Any], ...]:
    """The tools of a row. Raises RowError."""
    value = _parsed(value, "its tools")
    if is_none(value) or value == []:
        return ()
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        raise RowError("its tools are no list of objects")
    return tuple(_schema(one) for one in value)


def _schema(tool: Mapping[str, Any]) -> dict[str, Any]:
    inner = tool.get("function", tool)
    if not isinstance(inner, Mapping) or not isinstance(inner.get("name"), str):
        raise RowError("a tool of it has no name")
    known = plain(
        {key: value for key, value in inner.items() if key != "type" or value != "function"}, "its tools"
    )
    return {"type": "function", "function": known}


def calls_of(value: Any, where: str) -> list[dict[str, Any]]:
    """The calls of a turn. Raises RowError."""
    value = _parsed(value, where)
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, list):
        raise RowError(f"{where} is no call with a name and arguments")
    return [_call(one, where) for one in value]


def _call(call: Any, where: str) -> dict[str, Any]:
    inner = call.get("function", call) if isinstance(call, Mapping) else None
    if isinstance(inner, Mapping) and isinstance(inner.get("name"), str):
        arguments = inner.get("arguments", inner.get("parameters"))
        # Some are encoded twice, as text in text.
        while isinstance(arguments, str):
            arguments = _parsed(arguments, f"{where}: its arguments") if arguments.strip() else {}
        if not is_none(arguments) and not isinstance(arguments, Mapping):
            raise RowError(f"{where}: its arguments are {type(arguments).__name__}, not an object")
        made: dict[str, Any] = {
            "type": "function",
            "function": {
                "name": inner["name"],
                "arguments": {} if is_none(arguments) else plain(arguments, f"{where}: its arguments"),
            },
        }
        if isinstance(call.get("id"), str):
            made["id"] = call["id"]
        return made
    raise RowError(f"{where} is no call with a name and arguments")


def _parsed(value: Any, what: str) -> Any:
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise RowError(f"{what}: text that is no JSON") from None


def plain(value: Any, where: str) -> Any:
    """A value as JSON has it: dates and decimals as text. Raises RowError for bytes and the like."""
    if isinstance(value, Mapping):
        return {str(key): plain(one, where) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one, where) for one in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    text = text_of(value)
    if text is None:
        raise RowError(f"{where} hold {type(value).__name__}, which is no text")
    return text
