"""Which findings the detectors can make, read from their source."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from runner.insight import diagnosis

SOURCES = tuple(sorted(Path(diagnosis.__file__).parent.glob("*.py")))
ID = "id"


def emitted(sources: Iterable[str]) -> set[str]:
    """The slugs of every Finding that this Python source makes. ValueError for one that cannot be read from it."""
    return {slug for source in sources for slug in _in_module(ast.parse(source))}


def _in_module(module: ast.Module) -> Iterator[str]:
    for function in ast.walk(module):
        if not isinstance(function, ast.FunctionDef):
            continue
        for call in _calls(function, "Finding"):
            slug = _argument(call, 0, ID)
            if isinstance(slug, ast.Constant) and isinstance(slug.value, str):
                yield slug.value
            else:
                yield from _passed(module, function, slug)


def _passed(module: ast.Module, function: ast.FunctionDef, slug: ast.expr | None) -> Iterator[str]:
    """The constants given for a slug that is a parameter of the function that makes the finding."""
    names = [argument.arg for argument in function.args.args]
    if not isinstance(slug, ast.Name) or slug.id not in names:
        raise ValueError(f"the slug in {function.name} (line {function.lineno}) is no constant")
    for call in _calls(module, function.name):
        given = _argument(call, names.index(slug.id), slug.id)
        if not isinstance(given, ast.Constant) or not isinstance(given.value, str):
            raise ValueError(f"the slug given to {function.name} in line {call.lineno} is no constant")
        yield given.value


def _calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            yield node


def _argument(call: ast.Call, place: int, name: str) -> ast.expr | None:
    if len(call.args) > place:
        return call.args[place]
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)
