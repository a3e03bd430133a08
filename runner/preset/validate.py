"""From a plain mapping to a Preset, with every complaint naming file, line, key and the nearest valid key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from runner.preset.errors import PresetError, Problem
from runner.preset.other_tools.answers import instead
from runner.preset.schema import SECTIONS, Preset, section_type
from runner.preset.section import KeyPath, item_type
from runner.preset.unknown_keys import in_entry, unknown


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
    found: dict[KeyPath, Problem] = {}
    meant: set[str] = set()
    # A mistyped key is also a missing one; the typing is what to mend. What is wrong inside a list comes before that
    # the list is no text.
    details = error.errors(include_url=False)
    for detail in sorted(
        details,
        key=lambda one: (one["type"] != "extra_forbidden", not _inside_item(one), one["type"] == "missing"),
    ):
        path = _own_path(detail)
        if detail["type"] == "missing" and _is_among(meant, path):
            continue
        for place, what in _said(detail, path, meant):
            # Of a setting that takes this or that, and of what has a complaint inside it, the first one is enough.
            if not any(other[: len(place)] == place for other in found):
                found[place] = Problem(str(origin_of(place, origins, source)), _name(place) or "a key", what)
    return list(found.values())


def _said(detail: ErrorDetails, path: KeyPath, meant: set[str]) -> Iterator[tuple[KeyPath, str]]:
    """Where a complaint is, list positions included, and what it is; `meant` gets the settings that are meant."""
    if _inside_item(detail):
        inside = _inside(detail)
        yield inside[:-1] if detail["type"] == "missing" else inside, _what_of_item(detail)
    elif detail["type"] == "extra_forbidden":
        for one in unknown(path, detail.get("input")):
            meant.add(one.ours)
            yield one.path, one.what
    else:
        yield path, _what(detail, path)


def _is_among(meant: set[str], path: KeyPath) -> bool:
    """Whether a setting that is missing, or one of a missing section, was meant by an unknown key."""
    name = ".".join(path)
    return any(ours == name or ours.startswith(f"{name}.") for ours in meant)


def _own_path(detail: ErrorDetails) -> KeyPath:
    """The key the person wrote: union branches and list positions are pydantic's business."""
    path = tuple(str(part) for part in detail["loc"])
    return path[:2] if path and path[0] in SECTIONS else path[:1]


def _inside(detail: ErrorDetails) -> KeyPath:
    """The path to a key of an entry, its position included: ('data', 'mix', '0', 'ratio')."""
    *_, place, key = detail["loc"]
    return (*_own_path(detail), str(place), str(key))


def _name(path: KeyPath) -> str:
    """A path as people write it: positions in a list are said in the sentence."""
    return ".".join(path[: next((at for at, part in enumerate(path) if part.isdigit()), len(path))])


def _inside_item(detail: ErrorDetails) -> bool:
    return any(isinstance(part, int) for part in detail["loc"]) and isinstance(detail["loc"][-1], str)


def _what_of_item(detail: ErrorDetails) -> str:
    """For a key of an entry of a list of sections (data.mix)."""
    *_, place, key = detail["loc"]
    path = _own_path(detail)
    item = item_type(section_type(path[0]).model_fields[path[1]])
    assert item is not None
    where = f"entry {int(place) + 1}: {key}"
    if detail["type"] == "extra_forbidden":
        hint = in_entry(str(key), detail.get("input"), ".".join(path), item.model_fields)
        return f"entry {int(place) + 1} has no key {key}. {hint}".rstrip()
    if detail["type"] == "missing":
        return f"{where} is required and not set"
    schema = item.model_json_schema()["properties"][str(key)]
    return f"{where}: {detail.get('input')!r} is not allowed: {describe_schema(schema)}"


def origin_of(path: KeyPath, origins: Origins, source: str) -> Origin:
    """Where a key was written, or what is nearest above it."""
    for length in range(len(path), 0, -1):
        if path[:length] in origins:
            return origins[path[:length]]
    return Origin(source, 0)


def _what(detail: ErrorDetails, path: KeyPath) -> str:
    kind, value = detail["type"], detail.get("input")
    if kind == "missing":
        return "is required and not set"
    if isinstance(value, str) and any("\udc80" <= sign <= "\udcff" for sign in value):
        # What Python makes of a file's name.
        return f"{value!r} holds bytes that are no UTF-8, as a preset is: rename the file, or its folder"
    if kind == "string_unicode":
        return (
            f"{value!r} holds half a character (\\uD800 to \\uDFFF); write all of it, or \\U and eight digits"
        )
    if kind == "value_error":
        return str(detail["msg"]).removeprefix("Value error, ")
    if kind in ("model_type", "dict_type") and len(path) == 1:
        return f"{value!r} is not a section; give it keys of its own, indented{_first_key(path)}"
    return f"{value!r} is not allowed: {instead('.'.join(path), value) or expectation(path)}"


def _first_key(path: KeyPath) -> str:
    """The key that a section's one value is likely meant for: the one it cannot do without."""
    fields = section_type(path[0]).model_fields if path[0] in SECTIONS else {}
    required = next((key for key, field in fields.items() if field.is_required()), None)
    return f" ({path[0]}.{required}, say)" if required and len(path) == 1 else ""


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
    if "additionalProperties" in schema and isinstance(schema["additionalProperties"], dict):
        return "names for names: {ours: yours}"
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
