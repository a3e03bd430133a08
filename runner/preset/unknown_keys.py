"""What is said of a key that the schema does not have: known to another tool, in a wrong section, or mistyped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runner.preset.errors import nearest
from runner.preset.other_tools.answers import (
    SECTIONS_ELSEWHERE,
    answer,
    answer_in_entry,
    as_written,
    instead,
)
from runner.preset.schema import SECTIONS, section_type
from runner.preset.section import KeyPath, item_type


@dataclass(frozen=True)
class Unknown:
    """One such key: the path to it, list positions included, what is said, and the setting that is meant, if any."""

    path: KeyPath
    what: str
    ours: str = ""


def unknown(path: KeyPath, value: Any) -> Iterator[Unknown]:
    """The key at `path`, ('section',) or ('section', 'key'), and the keys inside it where other tools have any."""
    theirs = as_written(path[-1])
    section = SECTIONS_ELSEWHERE.get(theirs)
    if section is not None and isinstance(value, Mapping):
        yield Unknown(path, f"there is no section of this name. It is called {section} here.", section)
        for key, inner in value.items():
            if key not in section_type(section).model_fields:
                yield Unknown((*path, str(key)), *_said((section, str(key)), inner))
            elif hint := instead(f"{section}.{key}", inner):
                yield Unknown((*path, str(key)), f"{inner!r} is not allowed: {hint}")
        return
    what, ours = _said(path, value)
    yield Unknown(path, what, ours)
    if ours.startswith("data.") and isinstance(value, list):
        yield from _entries(path, value, ours)


def what_is_unknown(path: KeyPath, value: Any) -> str:
    """The sentence on one key, its inside left out."""
    return _said(path, value)[0]


def is_known(path: KeyPath) -> bool:
    """Whether a key, in one of our sections or in none, can be answered: it is one of ours, or of another tool's."""
    *above, key = path
    return len(above) < 2 and (answer("".join(above), key, None) is not None or bool(section_of(key)))


def in_entry(key: str, value: Any, listed: str, known: Mapping[str, Any]) -> str:
    """What is said of an unknown key in an entry of our list `listed`, 'data.mix', whose entries have `known` keys."""
    return answer_in_entry(key, value, listed, known) or nearest(key, known).strip()


def _said(path: KeyPath, value: Any) -> tuple[str, str]:
    """The sentence and the setting that is meant, '' where there is none."""
    *above, key = path
    section = above[0] if above else ""
    said = answer(section, key, value)
    if said is not None:
        return said.sentence + _value(said.ours, value), said.ours
    home = section_of(as_written(key))
    if home and home != section:
        ours = f"{home}.{as_written(key)}"
        start = f"there is no such key in {section}." if section else "there is no section of this name."
        return f"{start} It belongs under {home}.{_value(ours, value)}", ours
    if not section:
        return f"there is no section of this name.{nearest(key, SECTIONS) or _close(key)}", ""
    known = section_type(section).model_fields
    return f"there is no such key in {section}.{nearest(key, known) or _close(key)}", ""


def _value(ours: str, value: Any) -> str:
    """What to write where the setting that is meant does not take the value."""
    hint = instead(ours, value)
    return f" {hint[0].upper()}{hint[1:]}." if hint else ""


def section_of(key: str) -> str:
    """The section that has this key; '' for none."""
    return next((name for name in SECTIONS if key in section_type(name).model_fields), "")


def _close(key: str) -> str:
    """The hint for a key that is spelled nearly like one of another section."""
    every = {f"{name}.{key}": key for name in SECTIONS for key in section_type(name).model_fields}
    close = nearest(key, every.values())
    return next((f" Did you mean {full}?" for full, short in every.items() if f"mean {short}?" in close), "")


def _entries(path: KeyPath, values: list[Any], ours: str) -> Iterator[Unknown]:
    """The keys of a list of data sets as other tools write it."""
    section, key = ours.split(".")
    item = item_type(section_type(section).model_fields[key])
    known = item.model_fields if item is not None else {}
    for place, entry in enumerate(values):
        for name, value in entry.items() if isinstance(entry, Mapping) else ():
            if name not in known and (said := answer_in_entry(str(name), value, ours, known)):
                yield Unknown((*path, str(place), str(name)), f"entry {place + 1}, {name}: {said}")
