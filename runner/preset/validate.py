"""From a plain mapping to a Preset, with every complaint naming file, line, key and the nearest valid key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from runner.preset.errors import PresetError, Problem, nearest
from runner.preset.key_aliases import OURS
from runner.preset.schema import SECTIONS, Preset, section_type
from runner.preset.section import item_type

KeyPath = tuple[str, ...]


@dataclass(frozen=True)
class Origin:
    """Where a value was written: a file and its 1-based line, or `--set` with line 0."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


Origins = Mapping[KeyPath, Origin]


def validate(values: Mapping[str, Any], origins: Origins, source: str) -> Preset:
    """Check merged values against the schema. Raises PresetError with every problem found."""
    try:
        return Preset.model_validate(values)
    except ValidationError as error:
        raise PresetError(_problems(error, origins, source)) from None


def _problems(error: ValidationError, origins: Origins, source: str) -> list[Problem]:
    seen: dict[KeyPath, Problem] = {}
    # A mistyped key is also a missing one; the typing is what to mend.
    for detail in sorted(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden"):
        path = _own_path(detail)
        where = str(_origin(path, origins, source))
        what = _what(detail, path) if not _inside_item(detail) else _what_of_item(detail)
        seen.setdefault(path, Problem(where, ".".join(path), what))
    return list(seen.values())


def _own_path(detail: ErrorDetails) -> KeyPath:
    """The key the person wrote: union branches and list positions are pydantic's business."""
    path = tuple(str(part) for part in detail["loc"])
    return path[:2] if path and path[0] in SECTIONS else path[:1]


def _inside_item(detail: ErrorDetails) -> bool:
    return any(isinstance(part, int) for part in detail["loc"]) and isinstance(detail["loc"][-1], str)


def _what_of_item(detail: ErrorDetails) -> str:
    """For a key of an entry of a list of sections (data.mix)."""
    *_, place, key = detail["loc"]
    field = section_type(str(detail["loc"][0])).model_fields[str(detail["loc"][1])]
    item = item_type(field)
    assert item is not None
    where = f"entry {int(place) + 1}: {key}"
    if detail["type"] == "extra_forbidden":
        return f"entry {int(place) + 1} has no key {key}.{nearest(str(key), item.model_fields)}"
    if detail["type"] == "missing":
        return f"{where} is required and not set"
    schema = item.model_json_schema()["properties"][str(key)]
    return f"{where}: {detail.get('input')!r} is not allowed: {describe_schema(schema)}"


def _origin(path: KeyPath, origins: Origins, source: str) -> Origin:
    for length in range(len(path), 0, -1):
        if path[:length] in origins:
            return origins[path[:length]]
    return Origin(source, 0)


def _what(detail: ErrorDetails, path: KeyPath) -> str:
    kind, value = detail["type"], detail.get("input")
    if kind == "extra_forbidden":
        return _unknown_key(path)
    if kind == "missing":
        return "is required and not set"
    if kind == "value_error":
        return str(detail["msg"]).removeprefix("Value error, ")
    if kind in ("model_type", "dict_type"):
        return f"{value!r} is not a section; give it keys of its own, indented"
    return f"{value!r} is not allowed: {expectation(path)}"


def _unknown_key(path: KeyPath) -> str:
    if len(path) <= 2 and (ours := OURS.get(path[-1])) is not None:
        return f"there is no such key. It is called {ours} here."
    if len(path) == 1:
        hint = nearest(path[0], SECTIONS) or _section_of(path[0])
        return f"there is no section of this name.{hint}"
    known = section_type(path[0]).model_fields
    return f"there is no such key in {path[0]}.{nearest(path[1], known) or _section_of(path[1])}"


def _section_of(key: str) -> str:
    """The hint for a right key in the wrong place, or for one spelled nearly right in another section."""
    for name in SECTIONS:
        if key in section_type(name).model_fields:
            return f" It belongs under {name}."
    every = {f"{name}.{key}": key for name in SECTIONS for key in section_type(name).model_fields}
    close = nearest(key, every.values())
    return next((f" Did you mean {full}?" for full, short in every.items() if f"mean {short}?" in close), "")


def expectation(path: KeyPath) -> str:
    """What a field takes, in words: 'a whole number from 1 to 4096'."""
    schema = (section_type(path[0]) if len(path) == 2 else Preset).model_json_schema()["properties"][path[-1]]
    return describe_schema(schema)


def describe_schema(schema: Mapping[str, Any]) -> str:
    """A JSON-schema fragment in words."""
    if "anyOf" in schema:
        return " or ".join(describe_schema(option) for option in schema["anyOf"])
    if "enum" in schema:
        return "one of " + ", ".join(str(v) for v in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    words = {
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "string": "text",
        "null": "nothing (null)",
        "array": "a list",
        "object": "a section",
    }.get(str(schema.get("type")), "a value")
    return words + _bounds(schema)


def _bounds(schema: Mapping[str, Any]) -> str:
    parts = [
        f"{word} {schema[key]:g}"
        for key, word in (
            ("minimum", "from"),
            ("exclusiveMinimum", "above"),
            ("maximum", "to"),
            ("exclusiveMaximum", "below"),
        )
        if key in schema
    ]
    return (" " + " ".join(parts)) if parts else ""
