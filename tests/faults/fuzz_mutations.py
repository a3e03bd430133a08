"""What can happen to the files of a run: mutations of a tree of them, each of which shrinks to something small."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol


class Kind(Enum):
    """What stands where a file was."""

    DIRECTORY = "a directory"
    UNREADABLE = "a file that may not be read"
    PIPE = "a pipe without another end"
    MISSING = "nothing"


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str


Node = bytes | Kind | Link
Tree = dict[str, Node]

HOLE = "\ufdd0hole\ufdd0"


class Mutation(Protocol):
    """One thing that happens to a tree."""

    def apply(self, tree: Tree) -> None:
        """Change the tree; what it does not fit is left alone."""


@dataclass(frozen=True)
class Flip:
    """A byte has other bits."""

    path: str
    at: int
    mask: int

    def apply(self, tree: Tree) -> None:
        if data := _bytes(tree, self.path):
            at = self.at % len(data)
            tree[self.path] = data[:at] + bytes([data[at] ^ self.mask]) + data[at + 1 :]


@dataclass(frozen=True)
class Cut:
    """The file ends here."""

    path: str
    at: int

    def apply(self, tree: Tree) -> None:
        if data := _bytes(tree, self.path):
            tree[self.path] = data[: self.at % len(data)]


@dataclass(frozen=True)
class Insert:
    """Garbage, in the middle of a line or (`whole`) as a line of its own."""

    path: str
    at: int
    data: bytes
    whole: bool

    def apply(self, tree: Tree) -> None:
        data = _bytes(tree, self.path)
        if data is None:
            return
        if self.whole:
            lines = data.split(b"\n")
            lines.insert(self.at % len(lines), self.data)
            tree[self.path] = b"\n".join(lines)
        else:
            at = self.at % (len(data) + 1)
            tree[self.path] = data[:at] + self.data + data[at:]


class Shuffle(Enum):
    """What becomes of whole lines."""

    DELETE = "delete"
    DUPLICATE = "duplicate"
    SWAP = "swap"
    JOIN = "join"
    LAST = "copy to the end"


@dataclass(frozen=True)
class Lines:
    """Lines are lost, come twice, in another order, or without the end of one."""

    path: str
    how: Shuffle
    one: int
    other: int

    def apply(self, tree: Tree) -> None:
        data = _bytes(tree, self.path)
        if not data:
            return
        lines = data.split(b"\n")
        one, other = self.one % len(lines), self.other % len(lines)
        if self.how is Shuffle.DELETE:
            del lines[min(one, other) : max(one, other) or 1]
        elif self.how is Shuffle.DUPLICATE:
            lines.insert(other, lines[one])
        elif self.how is Shuffle.SWAP:
            lines[one], lines[other] = lines[other], lines[one]
        elif self.how is Shuffle.JOIN:
            lines[one : one + 2] = [b"".join(lines[one : one + 2])]
        else:
            lines[-1:] = [lines[one], b""]
        tree[self.path] = b"\n".join(lines)


@dataclass(frozen=True)
class Field:
    """A place in a JSON file or in the lines of one: `kind` is the type of the event, '' for lines without."""

    path: str
    kind: str
    keys: tuple[str | int, ...]


@dataclass(frozen=True)
class Value:
    """A value is something else: `raw`, which may be any text; in one line of its kind or (`line` None) in all.

    With `is_key` its key is called so instead.
    """

    field: Field
    raw: str
    line: int | None = None
    is_key: bool = False

    def apply(self, tree: Tree) -> None:
        data = _bytes(tree, self.field.path)
        if not data:
            return
        lines = data.split(b"\n")
        sign = f'"type":"{self.field.kind}"'.encode() if self.field.kind else b"{"
        places = [place for place, line in enumerate(lines) if sign in line]
        if not places:
            return
        for place in places if self.line is None else [places[self.line % len(places)]]:
            lines[place] = self._changed(lines[place])
        tree[self.field.path] = b"\n".join(lines)

    def _changed(self, line: bytes) -> bytes:
        *above, last = self.field.keys
        try:
            document = json.loads(line)
            holder = document
            for key in above:
                holder = holder[key]
            value, holder[last] = holder[last], HOLE
        except (ValueError, RecursionError, LookupError, TypeError):
            return line
        raw = self.raw
        if self.is_key and isinstance(holder, dict):
            del holder[last]
            holder[HOLE], raw = value, json.dumps(raw)
        text = json.dumps(document, separators=(",", ":"))
        return text.replace(json.dumps(HOLE), raw).encode("utf-8", errors="surrogatepass")


@dataclass(frozen=True)
class Yaml:
    """A line of the preset says something else, or has something else before it."""

    path: str
    line: int
    text: str
    replaces: bool

    def apply(self, tree: Tree) -> None:
        data = _bytes(tree, self.path)
        if not data:
            return
        lines = data.split(b"\n")
        at = self.line % len(lines)
        head, colon, _ = lines[at].partition(b": ")
        new = self.text.encode("utf-8", errors="surrogatepass")
        if self.replaces:
            lines[at] = head + colon + new if colon else new
        else:
            lines.insert(at, new)
        tree[self.path] = b"\n".join(lines)


@dataclass(frozen=True)
class Place:
    """Something else stands at a path, or at a new one."""

    path: str
    node: Node

    def apply(self, tree: Tree) -> None:
        for path in [path for path in tree if path == self.path or path.startswith(f"{self.path}/")]:
            del tree[path]
        if self.node is not Kind.MISSING:
            _clear_above(tree, self.path)
            tree[self.path] = self.node


def _clear_above(tree: Tree, path: str) -> None:
    """A file on the way to a path gives way."""
    parts = path.split("/")
    for length in range(1, len(parts)):
        tree.pop("/".join(parts[:length]), None)


def _bytes(tree: Tree, path: str) -> bytes | None:
    node = tree.get(path)
    return node if isinstance(node, bytes) else None


def fields_of(value: Any, keys: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where the values in a document are; of a list its first."""
    if keys:
        yield keys
    items: Any = (
        value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    )
    for key, item in items:
        yield from fields_of(item, (*keys, key))
