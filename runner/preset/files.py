"""Preset files: found by name, extended, loaded with the line of every key, saved with comments kept."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from runner import places, safe_open
from runner.preset import document
from runner.preset.errors import PresetError, Problem, nearest
from runner.preset.refused_secrets import refuse, refuse_override
from runner.preset.schema import SECTIONS, Preset, section_type
from runner.preset.section import LOCAL_FILE, LOCAL_OR_HUB, KeyPath, Section, item_type, path_kind
from runner.preset.unknown_keys import is_known, what_is_unknown
from runner.preset.validate import Origin, validate
from runner.redaction.blotting import redacted

EXTENDS = "extends"
_ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".arrow", ".txt", ".md")
DATA_SUFFIXES = tuple(ending + packed for packed in ("", ".gz", ".bz2", ".xz", ".zst") for ending in _ENDINGS)


@dataclass(frozen=True)
class LoadedPreset:
    """A preset with the file it came from, and where each of its values was written."""

    preset: Preset
    name: str
    path: Path
    origins: Mapping[KeyPath, Origin]


@dataclass(frozen=True)
class PresetFile:
    """A preset file found by name; `shipped` ones come with ftui and are not to be edited."""

    name: str
    path: Path
    shipped: bool


def is_name(text: str) -> bool:
    """Whether this can be the name of a preset: letters, digits, dots, dashes, underscores, and no .yaml at its end."""
    return bool(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text)) and not text.endswith((".yaml", ".yml"))


def own_folder(home: Path) -> Path:
    """Where a person's own presets live."""
    return home / "presets"


def shipped_folder() -> Path:
    """The presets that come with ftui: inside the installed package, or the checkout."""
    packaged = Path(__file__).parent.parent / "presets"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "presets"


def list_presets(home: Path) -> list[PresetFile]:
    """Every preset by name, own ones before shipped ones of the same name."""
    found: dict[str, PresetFile] = {}
    for folder, shipped in ((own_folder(home), False), (shipped_folder(), True)):
        for path in sorted(folder.glob("*.yaml")):
            found.setdefault(path.stem, PresetFile(path.stem, path, shipped))
    return sorted(found.values(), key=lambda p: (p.shipped, not p.name.startswith("demo"), p.name))


def free_name(home: Path, name: str) -> str:
    """The name, with a number where there is a preset of it already."""
    taken = {preset.name for preset in list_presets(home)}
    candidates = [name, *(f"{name}-{number}" for number in range(2, 1000))]
    return next(candidate for candidate in candidates if candidate not in taken)


def extended_by(name: str, home: Path) -> list[str]:
    """The presets that build on this one; files that cannot be read are left out."""
    found = []
    for preset in list_presets(home):
        try:
            tree = document.parse(preset.path)
        except PresetError:
            continue
        if tree.get(EXTENDS) in (name, f"./{name}.yaml"):
            found.append(preset.name)
    return found


def find(name_or_path: str, home: Path, near: Path | None = None) -> Path:
    """The file of a preset given by name or path; `near` is the folder that `extends` is read from.

    Raises PresetError naming the nearest preset when there is none.
    """
    if name_or_path.endswith((".yaml", ".yml")) or os.sep in name_or_path:
        path = places.expanded(name_or_path)
        path = path if path.is_absolute() else (near or places.standing()) / path
        try:
            status = path.stat()
        except (OSError, ValueError) as error:
            # A name too long for a file, or with a NUL in it, is one that is not there.
            denied = isinstance(error, PermissionError)
            what = "cannot be read: Permission denied" if denied else "there is no such file"
            raise PresetError([Problem(str(path), "", what)]) from None
        if kind := safe_open.kind_of(status.st_mode):
            raise PresetError([Problem(str(path), "", f"is {kind}, no preset")])
        return path.resolve()
    if near is not None and (near / f"{name_or_path}.yaml").is_file():
        return near / f"{name_or_path}.yaml"
    known = {preset.name: preset.path for preset in list_presets(home)}
    if name_or_path in known:
        return known[name_or_path]
    hint = nearest(name_or_path, known) or " `ftui presets` lists them."
    raise PresetError([Problem("preset", name_or_path, f"there is no preset of this name.{hint}")])


def load(name_or_path: str, home: Path, overrides: Sequence[str] = ()) -> LoadedPreset:
    """Find, extend, override and validate a preset. Raises PresetError with everything that is wrong."""
    path = find(name_or_path, home)
    values, origins = _read_extended(path, home, ())
    for text in overrides:
        _override(values, origins, text)
    preset = validate(values, origins, str(path))
    return LoadedPreset(preset, path.stem, path, origins)


def load_frozen(path: Path) -> Preset:
    """The resolved preset of a run directory: no extends, paths absolute already."""
    values, origins = _read_one(path)
    return validate(values, origins, str(path))


def dump(preset: Preset, path: Path) -> None:
    """Write every value of a preset, whole or not at all. What it is for is told without secrets; the rest is refused
    where it holds one (refused_secrets.py), or needed as it is.
    """
    values = {**preset.model_dump(mode="json"), "description": redacted(preset.description)}
    document.write(path, document.quoted(values))


def read_tree(tree: CommentedMap, path: Path) -> tuple[dict[str, Any], dict[KeyPath, Origin]]:
    """The values of a document as it would be read from `path`, its relative paths made absolute; and their origins."""
    values, origins = _read_one(path, tree)
    _absolute_paths(values, path.parent)
    return values, origins


def read_base(tree: CommentedMap, path: Path, home: Path) -> tuple[dict[str, Any], dict[KeyPath, Origin]]:
    """The values a document inherits through `extends`; empty without it. Raises PresetError."""
    if EXTENDS not in tree:
        return {}, {}
    values, origins = _read_extended(path, home, (), CommentedMap({EXTENDS: tree[EXTENDS]}))
    return values, {key: origin for key, origin in origins.items() if key != (EXTENDS,)}


def merged(base: dict[str, Any], top: dict[str, Any]) -> dict[str, Any]:
    """Values on top of those they extend, section by section."""
    return _merged(
        {k: v for k, v in base.items() if k != "description"}, {k: v for k, v in top.items() if k != EXTENDS}
    )


def _read_one(path: Path, tree: CommentedMap | None = None) -> tuple[dict[str, Any], dict[KeyPath, Origin]]:
    tree = document.parse(path) if tree is None else tree
    origins = {key: Origin(str(path), line + 1) for key, line in document.lines(tree)}
    return document.plain(tree), origins


def _read_extended(
    path: Path, home: Path, chain: tuple[Path, ...], tree: CommentedMap | None = None
) -> tuple[dict[str, Any], dict[KeyPath, Origin]]:
    """One file on top of what it extends, its relative paths made absolute."""
    if path in chain:
        loop = " → ".join(p.stem for p in (*chain, path))
        raise PresetError([Problem(str(path), EXTENDS, f"goes in a circle: {loop}")])
    values, origins = _read_one(path, tree)
    refuse(values, origins, str(path))
    base_name = values.pop(EXTENDS, None)
    _absolute_paths(values, path.parent)
    if base_name is None:
        return values, origins
    if not isinstance(base_name, str):
        raise PresetError(
            [Problem(str(origins[(EXTENDS,)]), EXTENDS, "must be the name or path of a preset")]
        )
    try:
        base_path = find(base_name, home, near=path.parent)
    except PresetError as error:
        what = error.problems[0].what
        raise PresetError([Problem(str(origins[(EXTENDS,)]), EXTENDS, f"{base_name}: {what}")]) from None
    base, base_origins = _read_extended(base_path, home, (*chain, path))
    base.pop("description", None)
    return _merged(base, values), {**base_origins, **origins}


def _merged(base: dict[str, Any], top: dict[str, Any]) -> dict[str, Any]:
    out = dict(base)
    for key, value in top.items():
        both = isinstance(value, dict) and isinstance(out.get(key), dict)
        out[key] = {**out[key], **value} if both else value
    return out


def _override(values: dict[str, Any], origins: dict[KeyPath, Origin], text: str) -> None:
    """Apply one `section.key=value`; the value is read as YAML, so 1e-4 is a number and true a boolean."""
    refuse_override(text)
    key, equals, raw = text.partition("=")
    path = tuple(key.strip().split("."))
    try:
        value = document.plain(document.load(raw)) if raw.strip() else None
    except (YAMLError, ValueError):
        value = raw
    refuse({key: value}, {}, "--set")
    if equals and len(path) == 1 and is_known(path):
        raise PresetError([Problem("--set", path[0], what_is_unknown(path, value))])
    if not equals or len(path) != 2 or not all(path):
        raise PresetError(
            [Problem("--set", text, "write it as section.key=value, for example train.learning_rate=1e-4")]
        )
    section = values.setdefault(path[0], {})
    if not isinstance(section, dict):
        raise PresetError(
            [Problem("--set", text, f"there is no section {path[0]}.{nearest(path[0], SECTIONS)}")]
        )
    section[path[1]] = value
    origins[path] = Origin("--set", 0)
    origins.setdefault(path[:1], Origin("--set", 0))
    _absolute_paths({path[0]: section}, places.standing())


def _absolute_paths(values: dict[str, Any], folder: Path) -> None:
    for name in SECTIONS:
        section = values.get(name)
        if not isinstance(section, dict):
            continue
        _absolute_in(section, section_type(name), folder)


def _absolute_in(values: dict[str, Any], section: type[Section], folder: Path) -> None:
    for key, field in section.model_fields.items():
        kind, item, value = path_kind(field), item_type(field), values.get(key)
        if kind and isinstance(value, str):
            values[key] = absolute(value, folder, kind)
        elif item is not None and isinstance(value, list):
            for one in value:
                if isinstance(one, dict):
                    _absolute_in(one, item, folder)


def absolute(text: str, folder: Path, kind: str) -> str:
    """A path made absolute against `folder`; a hub name left as it is.

    A path starts with ./ ../ / or ~, or ends like a data file; everything else is a name on the hub.
    """
    is_path = text.startswith(("./", "../", "/", "~")) or text in (".", "..") or text.endswith(DATA_SUFFIXES)
    if kind == LOCAL_OR_HUB and not is_path:
        return text
    assert kind in (LOCAL_OR_HUB, LOCAL_FILE)
    expanded = places.expanded(text)
    return os.path.normpath(expanded if expanded.is_absolute() else folder / expanded)
