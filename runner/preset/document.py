"""YAML 1.2 documents: read with the line of every key, written whole or not at all, comments kept.

YAML 1.2 (ruamel.yaml) reads 2e-4 as a number, which YAML 1.1 readers take for text.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from runner.preset.errors import PresetError, Problem
from runner.preset.validate import KeyPath, Origin


def quoted(value: Any) -> Any:
    """A value whose texts survive the file: those with characters that YAML takes for line breaks or refuses are put in
    double quotes, where they are escaped.
    """
    if isinstance(value, dict):
        return CommentedMap({key: quoted(item) for key, item in value.items()})
    if isinstance(value, list):
        return [quoted(item) for item in value]
    return DoubleQuotedScalarString(value) if isinstance(value, str) and not value.isprintable() else value


def write(path: Path, document: CommentedMap) -> None:
    """Replace a YAML file whole; comments the document was read with are written back."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("w", encoding="utf-8") as stream:
        yaml().dump(document, stream)
    temporary.replace(path)


def yaml() -> YAML:
    """A YAML 1.2 reader and writer that keeps comments, order and quotes, and builds no objects."""
    made = YAML(typ="rt")
    made.preserve_quotes = True
    made.width = 110
    return made


def parse(path: Path) -> CommentedMap:
    """The mapping in a YAML file. Raises PresetError naming file and line."""
    try:
        document = yaml().load(path.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise PresetError(
            [Problem(str(Origin(str(path), line)), "", f"not valid YAML: {error.problem}")]
        ) from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise PresetError([Problem(str(path), "", f"not valid YAML: {error}")]) from None
    except OSError as error:
        raise PresetError([Problem(str(path), "", f"cannot be read: {error.strerror}")]) from None
    if not isinstance(document, CommentedMap):
        raise PresetError(
            [Problem(str(path), "", "a preset is a mapping of sections: model, lora, train, data …")]
        )
    return document


def plain(node: Any) -> Any:
    """ruamel's round-trip types as plain ones, which is what a strict schema takes."""
    if isinstance(node, dict):
        return {str(key): plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [plain(value) for value in node]
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node


def lines(document: CommentedMap, prefix: KeyPath = ()) -> Iterator[tuple[KeyPath, int]]:
    for key, value in document.items():
        path = (*prefix, str(key))
        yield path, document.lc.key(key)[0]
        if isinstance(value, CommentedMap):
            yield from lines(value, path)
