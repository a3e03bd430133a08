"""The settings of a preset as a form sees them, derived from the schema: nothing is listed a second time."""

from __future__ import annotations

import types
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from ruamel.yaml.error import YAMLError

from runner.preset import document
from runner.preset.schema import SECTIONS, Preset, section_type
from runner.preset.section import LOCAL_OR_HUB, KeyPath, item_type, path_kind
from runner.preset.validate import expectation


class FieldKind(StrEnum):
    """What widget a setting wants."""

    SWITCH = "switch"
    CHOICE = "choice"
    INTEGER = "integer"
    NUMBER = "number"
    TEXT = "text"
    PATH = "path"
    LIST = "list"
    MAP = "map"


@dataclass(frozen=True)
class Field:
    """One setting: where it is, what it takes, what it does.

    `words` are texts it takes beside its kind ('auto'); `optional` that it may be empty; `expects` its bounds in words;
    `several` that a path may also be a list of sources.
    """

    path: KeyPath
    kind: FieldKind
    doc: str
    default: Any
    expects: str
    choices: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    optional: bool = False
    required: bool = False
    hub: bool = False
    several: bool = False

    @property
    def name(self) -> str:
        """'train.learning_rate'."""
        return ".".join(self.path)

    @property
    def key(self) -> str:
        return self.path[-1]

    @property
    def section(self) -> str:
        """The section's name; empty for the description."""
        return self.path[0] if len(self.path) == 2 else ""


@cache
def fields() -> tuple[Field, ...]:
    """Every setting, in the schema's order."""
    found = [_field(("description",), Preset.model_fields["description"])]
    for section in SECTIONS:
        found += [_field((section, key), info) for key, info in section_type(section).model_fields.items()]
    return tuple(found)


def field_named(name: str) -> Field:
    """A setting by 'section.key'. KeyError for an unknown one."""
    return next((field for field in fields() if field.name == name), None) or _unknown(name)


def _unknown(name: str) -> Field:
    raise KeyError(name)


def _field(path: KeyPath, info: FieldInfo) -> Field:
    options = _options(info.annotation)
    optional = type(None) in options
    choices = tuple(
        str(value) for option in options if get_origin(option) is Literal for value in get_args(option)
    )
    others = [option for option in options if option is not type(None) and get_origin(option) is not Literal]
    kind = _kind(others, info)
    return Field(
        path=path,
        kind=kind,
        doc=" ".join((info.description or "").split()),
        default=None if info.is_required() else info.get_default(call_default_factory=True),
        expects=expectation(path),
        choices=choices
        if kind is FieldKind.CHOICE
        else _item_choices(others)
        if kind is FieldKind.LIST
        else (),
        words=choices if others else (),
        optional=optional,
        required=info.is_required(),
        hub=path_kind(info) == LOCAL_OR_HUB,
        several=kind is FieldKind.PATH and item_type(info) is not None,
    )


def _options(annotation: Any) -> list[Any]:
    """The members of a union, or the type itself; annotations peeled off."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        return [part for option in get_args(annotation) for part in _options(option)]
    return [annotation]


def _kind(others: list[Any], info: FieldInfo) -> FieldKind:
    if not others:
        return FieldKind.CHOICE
    one = others[0]
    if get_origin(one) is list:
        return FieldKind.LIST
    if path_kind(info) is not None:
        return FieldKind.PATH
    if get_origin(one) is dict:
        return FieldKind.MAP
    return {bool: FieldKind.SWITCH, int: FieldKind.INTEGER, float: FieldKind.NUMBER}.get(one, FieldKind.TEXT)


def _item_choices(others: list[Any]) -> tuple[str, ...]:
    (item,) = get_args(others[0])
    return tuple(str(value) for value in get_args(item)) if get_origin(item) is Literal else ()


def to_text(value: Any) -> str:
    """A value as it is typed: 'true', '2e-4', '[a, b]'; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(to_text(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {to_text(one)}" for key, one in value.items()) + "}"
    if isinstance(value, float):
        return f"{value:.12g}"
    return str(value)


def from_text(field: Field, text: str) -> Any:
    """What the user typed, as a value for the document. What is no value of the field's kind stays text, and validation
    says so. Empty text is None.
    """
    text = text.strip()
    if not text:
        return None
    if field.kind in (FieldKind.TEXT, FieldKind.CHOICE) or text in field.words:
        return text
    if field.kind is FieldKind.PATH and not (field.several and text.startswith("[")):
        return text
    if field.kind is FieldKind.LIST and not text.startswith("["):
        text = f"[{text}]"
    if field.kind is FieldKind.MAP and not text.startswith("{"):
        text = f"{{{text}}}"
    try:
        return document.load(text)
    except (YAMLError, ValueError):
        return text
