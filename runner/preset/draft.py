"""A preset while it is edited: the document with its comments, what it inherits, and what is wrong with it now."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml.comments import CommentedMap

from runner import safe_open
from runner.preset import document, files
from runner.preset.errors import PresetError
from runner.preset.fields import Field, fields, from_text, to_text
from runner.preset.refused_secrets import refuse
from runner.preset.schema import Preset, section_type
from runner.preset.section import KeyPath, item_type, path_kind
from runner.preset.validate import Origin, validate

SCHEMA_LINE = "# yaml-language-server: $schema=./preset.schema.json\n"


class StaleError(Exception):
    """The file was changed by another program since it was opened."""


@dataclass(frozen=True)
class Snapshot:
    """A draft at one moment, to be judged in another thread: what its own document says, and that on top of what it
    extends. `written` are the settings that some file sets.
    """

    own: Mapping[str, Any]
    values: Mapping[str, Any]
    origins: Mapping[KeyPath, Origin]
    source: str

    @property
    def written(self) -> frozenset[str]:
        return frozenset(".".join(path) for path in self.origins if len(path) == 2)

    def validated(self) -> Preset:
        """The preset. Raises PresetError with every problem."""
        refuse(self.own, self.origins, self.source)
        return validate(self.values, self.origins, self.source)


@dataclass(frozen=True)
class Saving:
    """A text on its way into a file. `expected` is what the file held when it was opened, None for a new file."""

    text: str
    target: Path
    expected: bytes | None
    force: bool
    moved: CommentedMap | None = None

    def write(self) -> None:
        """Write it, whole or not at all. Raises StaleError when the file was changed by another program meanwhile
        (`force` writes all the same), FileExistsError when another file of that name is there, OSError when the disk
        refuses.
        """
        now = safe_open.content(self.target)
        if now is not None and now != self.expected and not self.force:
            if self.expected is None:
                raise FileExistsError(17, "there is a preset of this name already", str(self.target))
            raise StaleError(f"{self.target.name} was changed by another program since it was opened")
        document.write_text(self.target, self.text)


class Draft:
    """One preset being edited. `path` is where it is saved, None for one that has no file yet."""

    def __init__(self, tree: CommentedMap, home: Path, path: Path | None, name: str) -> None:
        self.home = home
        self.path = path
        self.name = name
        # What people call it, where that is not its name.
        self.called = ""
        self._tree = tree
        self._saved = document.plain(tree)
        self._saved_text = document.text_of(tree)
        self._on_disk = safe_open.content(path) if path is not None else None
        self._inherit()

    @property
    def title(self) -> str:
        """What it is called where people read it."""
        return self.called or self.name

    @classmethod
    def open(cls, path: Path, home: Path) -> Draft:
        """Edit a file. Raises PresetError when it, or what it extends, cannot be read at all."""
        return cls(document.parse(path), home, path, path.stem)

    @classmethod
    def extending(cls, base: str, home: Path, name: str, description: str = "") -> Draft:
        """A new preset on top of another, not saved yet. Raises PresetError when there is no such preset."""
        text = SCHEMA_LINE + f"extends: {base}\n" + (f"description: {description}\n" if description else "")
        return cls(document.parse_text(text, name), home, None, name)

    @classmethod
    def of_preset(cls, preset: Preset, home: Path, name: str, comment: str = "") -> Draft:
        """A new preset with the values of another that differ from the defaults: of a finished run, say."""
        values: dict[str, Any] = {}
        full = preset.model_dump(mode="json")
        for field in fields():
            value = _get(full, field.path)
            if value != copy.copy(field.default):
                _put(values, field.path, value)
        text = SCHEMA_LINE + (f"# {comment}\n" if comment else "") + document.text_of(document.quoted(values))
        return cls(document.parse_text(text, name), home, None, name)

    @property
    def place(self) -> Path:
        """The file its relative paths are read against."""
        return self.path or files.own_folder(self.home) / f"{self.name}.yaml"

    def _inherit(self) -> None:
        """Read what it extends; once, because it changes rarely and reading YAML takes a while."""
        self._base, self._base_origins = files.read_base(self._tree, self.place, self.home)
        self._extends = self._tree.get(files.EXTENDS)

    @property
    def extends(self) -> str:
        """The preset it is built on; empty for none."""
        return str(self._extends or "")

    # What is in it

    def text(self, field: Field) -> str:
        """The value of a setting as it is typed, wherever it is set."""
        own = _get(self._tree, field.path)
        return to_text(document.plain(own) if self.is_own(field) else self.inherited(field))

    def is_own(self, field: Field) -> bool:
        """Whether this document itself sets the field."""
        return _has(self._tree, field.path)

    def inherited(self, field: Field) -> Any:
        """The value it would have without being set here: from what is extended, else the default."""
        return _get(self._base, field.path) if _has(self._base, field.path) else copy.copy(field.default)

    def inherited_from(self, field: Field) -> str:
        """'qlora-8b.yaml:12' for a value some other file sets, 'default' otherwise."""
        # A description is of one preset and not inherited.
        origin = self._base_origins.get(field.path) if field.section else None
        return f"{Path(origin.file).name}:{origin.line}" if origin is not None else "default"

    def is_changed(self, field: Field) -> bool:
        """Whether the field differs from the file as it was opened or last saved."""
        now = _get(document.plain(self._tree), field.path), self.is_own(field)
        return now != (_get(self._saved, field.path), _has(self._saved, field.path))

    def differs_from_base(self, field: Field) -> bool:
        """Whether it is set here, to something else than it would be without."""
        return self.is_own(field) and document.plain(_get(self._tree, field.path)) != self.inherited(field)

    @property
    def is_dirty(self) -> bool:
        return document.text_of(self._tree) != self._saved_text or self.path is None

    def snapshot(self) -> Snapshot:
        """Its values on top of what it extends, as plain values of their own."""
        values, origins = files.read_tree(self._tree, self.place)
        return Snapshot(
            document.plain(self._tree),
            files.merged(copy.deepcopy(self._base), values),
            {**self._base_origins, **origins},
            str(self.place),
        )

    def problems(self) -> dict[str, str]:
        """What is wrong, by 'section.key'; '' for what belongs to no setting."""
        try:
            self.snapshot().validated()
        except PresetError as error:
            return {problem.key: problem.what for problem in error.problems}
        return {}

    # Changing it

    def set_text(self, field: Field, text: str) -> None:
        """Set a field to what was typed; empty text for a field that may not be empty takes the setting away."""
        value = from_text(field, text)
        if value is None and not (field.optional and self.inherited(field) is not None):
            self.reset(field)
            return
        self.set_value(field, value)

    def set_value(self, field: Field, value: Any) -> None:
        """Set a field, comments kept. A value equal to the inherited one is not written where none stood."""
        if not self.is_own(field) and document.plain(value) == self.inherited(field):
            return
        target = self._tree
        for part in field.path[:-1]:
            if not isinstance(target.get(part), CommentedMap):
                target[part] = CommentedMap()
            target = target[part]
        target[field.path[-1]] = document.quoted(value) if isinstance(value, str | list | dict) else value

    def reset(self, field: Field) -> None:
        """Take a setting out of this document, so that the inherited value or the default holds."""
        if self.is_own(field):
            self._tree = document.without(self._tree, field.path)

    def yaml(self) -> str:
        """The document as it would be written."""
        return document.text_of(self._tree)

    def set_yaml(self, text: str) -> None:
        """Replace the document. Raises PresetError naming the line when it is no YAML, or extends what is not there."""
        tree = document.parse_text(text, self.place.name)
        before, self._tree = self._tree, tree
        if tree.get(files.EXTENDS) == self._extends:
            return
        try:
            self._inherit()
        except PresetError:
            self._tree = before
            raise

    # Keeping it

    def saving(self, path: Path | None = None, force: bool = False) -> Saving:
        """What is to be written where, as it is now: to be written by another thread while the user types on."""
        target = path or self.path or self.place
        tree = self._tree if target.parent == self.place.parent else self._moved()
        expected = self._on_disk if target == self.path else None
        return Saving(
            document.text_of(tree), target, expected, force, tree if tree is not self._tree else None
        )

    def was_saved(self, saving: Saving) -> None:
        """It is written. What was typed meanwhile stays, and is not saved yet."""
        if saving.moved is not None:
            self._tree = saving.moved
        self.path, self.name = saving.target, saving.target.stem
        self._saved_text, self._on_disk = saving.text, saving.text.encode()
        self._saved = document.plain(document.parse_text(saving.text, self.name))

    def save(self, path: Path | None = None, force: bool = False) -> Path:
        """Write it at once; the errors are those of Saving.write."""
        saving = self.saving(path, force)
        saving.write()
        self.was_saved(saving)
        return saving.target

    def moved_to(self, path: Path) -> None:
        """Its file has another name now."""
        self.path, self.name = path, path.stem

    def _moved(self) -> CommentedMap:
        """The document for another folder: relative paths made absolute."""
        tree = copy.deepcopy(self._tree)
        absolute, _ = files.read_tree(self._tree, self.place)
        for field in fields():
            info = _info(field)
            holds_path = path_kind(info) is not None or item_type(info) is not None
            if holds_path and _has(tree, field.path):
                tree[field.path[0]][field.path[1]] = _get(absolute, field.path)
        base = tree.get(files.EXTENDS)
        if isinstance(base, str) and not _is_known(base, self.home):
            tree[files.EXTENDS] = str(files.find(base, self.home, near=self.place.parent))
        return tree


def _is_known(name: str, home: Path) -> bool:
    return any(preset.name == name for preset in files.list_presets(home))


def _info(field: Field) -> Any:
    return (section_type(field.section) if field.section else Preset).model_fields[field.key]


def _has(tree: Mapping[str, Any], path: KeyPath) -> bool:
    node: Any = tree
    for part in path:
        if not isinstance(node, Mapping) or part not in node:
            return False
        node = node[part]
    return True


def _get(tree: Mapping[str, Any], path: KeyPath) -> Any:
    node: Any = tree
    for part in path:
        if not isinstance(node, Mapping):
            return None
        node = node.get(part)
    return node


def _put(tree: dict[str, Any], path: KeyPath, value: Any) -> None:
    for part in path[:-1]:
        tree = tree.setdefault(part, {})
    tree[path[-1]] = value
