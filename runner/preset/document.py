"""YAML 1.2 documents: read with the line of every key, written whole or not at all, comments kept.

YAML 1.2 (ruamel.yaml) reads 2e-4 as a number, which YAML 1.1 readers take for text.
"""

from __future__ import annotations

import copy
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from runner import atomic_write, safe_open
from runner.preset.errors import PresetError, Problem
from runner.preset.section import KeyPath
from runner.preset.validate import Origin

A_PRESET = "a preset is a mapping of sections: model, lora, train, data …"
MOST_DEPTH = 100
# Ten seconds of reading; ten thousand data.skip_rows have a third of it.
MOST_BYTES = 256 * 1024
# Each copies what all before it hold: two thousand take half a minute.
MOST_MERGES = 100
MOST_VALUES = 1_000_000
_BRACKETS = re.compile(r"[][{}]")


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
    write_text(path, text_of(document))


def write_text(path: Path, text: str) -> None:
    """Replace a file whole, through a link to it too, its mode kept; nothing is left behind when that fails."""
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    mode = path.stat().st_mode & 0o7777 if path.exists() else 0o644
    atomic_write.replace_file(path, text.encode("utf-8"), mode)


def yaml() -> YAML:
    """A YAML 1.2 reader and writer that keeps comments, order and quotes, and builds no objects."""
    made = YAML(typ="rt")
    made.preserve_quotes = True
    made.width = 110
    return made


def parse(path: Path) -> CommentedMap:
    """The mapping in a YAML file. Raises PresetError naming file and line."""
    return _mapping(lambda: safe_open.read_text(path, MOST_BYTES), str(path), A_PRESET)


def _mapping(read: Callable[[], str], name: str, expected: str) -> CommentedMap:
    try:
        document = load(read())
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise PresetError(
            [Problem(str(Origin(name, line)), "", f"not valid YAML: {error.problem}")]
        ) from None
    except OSError as error:
        raise PresetError([Problem(name, "", f"cannot be read: {error.strerror}")]) from None
    except ValueError as error:
        raise PresetError([Problem(name, "", f"not valid YAML: {error}")]) from None
    if not isinstance(document, CommentedMap):
        raise PresetError([Problem(name, "", expected)])
    return document


def load(text: str) -> Any:
    """The value of a YAML text, comments kept. Raises MarkedYAMLError where the text is wrong, and ValueError for what
    cannot be read or, once read, not be walked through.
    """
    try:
        document = yaml().load(_shallow(text))
        _walk(document, MOST_VALUES)
    except MarkedYAMLError:
        raise
    except Exception as error:
        # ruamel raises more than YAMLErrors: ValueError for 2024-13-01, which looks like a date, IndexError for !!int
        # with nothing behind it, KeyError for a YAML 9.9, OverflowError for "\U99999999", RecursionError.
        raise ValueError(str(error) or type(error).__name__) from None
    return document


def _walk(node: Any, left: int) -> int:
    """How many of `left` values remain after those of a node, aliases counted each time they stand for something.
    ValueError when there are more: nine lines of aliases inside aliases make a thousand million.
    """
    if left <= 0:
        raise ValueError("aliases inside aliases stand for too many values")
    left -= 1
    items = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for item in items:
        left = _walk(item, left)
    return left


def _shallow(text: str) -> str:
    """The text, unless reading it would take minutes: then ValueError."""
    if len(text) > MOST_BYTES:
        raise ValueError(f"it is longer than {MOST_BYTES // 1024} KiB")
    if text.count("<<") > MOST_MERGES:
        raise ValueError(f"it merges with << more than {MOST_MERGES} times")
    depth = 0
    for sign in _BRACKETS.findall(text):
        depth += 1 if sign in "[{" else -1
        if depth > MOST_DEPTH:
            raise ValueError("brackets are nested too deeply")
    return text


def parse_text(text: str, name: str, expected: str = A_PRESET) -> CommentedMap:
    """The mapping in a text; `name` stands for the file in errors, and `expected` says what it should be where it is
    none. Raises PresetError naming the line.
    """
    return _mapping(lambda: text, name, expected)


def text_of(document: CommentedMap) -> str:
    """A document as it would be written."""
    stream = io.StringIO()
    yaml().dump(document, stream)
    return stream.getvalue()


def without(document: CommentedMap, path: KeyPath) -> CommentedMap:
    """A document without one key, all comments kept; a section that gets empty goes too.

    ruamel hangs the comments that stand before a key on the key before it, and they would go with that: so lines are
    taken out of the text. Where that gives something else than the key gone (flow style, anchors), ruamel does it.
    """
    dropped = copy.deepcopy(document)
    _drop(dropped, path)
    try:
        cut = _cut(document, path)
        if plain(cut) == plain(dropped):
            return cut
    except PresetError:
        pass
    return dropped


def _drop(tree: Any, path: KeyPath) -> None:
    if len(path) > 1:
        _drop(tree[path[0]], path[1:])
        if tree[path[0]]:
            return
    del tree[path[0]]


def _cut(document: CommentedMap, path: KeyPath) -> CommentedMap:
    """The document without the lines of a key, or of the section it leaves empty."""
    every = text_of(document).splitlines(keepends=True)
    target = parse_text("".join(every), "preset")
    for part in path[:-1]:
        if len(target[part]) == 1:
            path = path[: path.index(part) + 1]
            break
        target = target[part]
    start, indent = target.lc.key(path[-1])
    end = start + 1
    for place in range(end, len(every)):
        if _is_code(every[place]):
            if not _belongs(every[place], indent):
                break
            # Comments and blank lines between parts of a value go with it, those behind it stay.
            end = place + 1
    return parse_text("".join(every[:start] + every[end:]) or "{}\n", "preset")


def _is_code(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _belongs(line: str, indent: int) -> bool:
    """Whether a line goes on with the value of a key at this indent."""
    words = line.lstrip(" ")
    depth = len(line) - len(words)
    return depth > indent or (depth == indent and words.startswith("- "))


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
    """(key path, 0-based line) of every key; line −1 for one that was set since the document was read. A place in a
    list is a part of the path, '0' the first.
    """
    known = document.lc.data or {}
    for key, value in document.items():
        path = (*prefix, str(key))
        yield path, known[key][0] if key in known else -1
        if isinstance(value, CommentedMap):
            yield from lines(value, path)
        for place, item in enumerate(value) if isinstance(value, CommentedSeq) else ():
            if isinstance(item, CommentedMap):
                yield from lines(item, (*path, str(place)))
