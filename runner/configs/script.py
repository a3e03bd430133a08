"""The constants of a training script: parsed, never run. Literal arguments of known calls, and of names set before."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.preset.errors import PresetError, Problem
from runner.preset.other_tools.script_calls import CALLS


class Computed:
    """The value of an argument that only a run of the script would tell."""

    def __str__(self) -> str:
        return "(computed)"


COMPUTED = Computed()
_BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try)


@dataclass(frozen=True)
class ScriptCall:
    """A call of CALLS: its name there, and (name, value, line from 1) of its arguments, and the name that
    its result gets.
    """

    name: str
    arguments: tuple[tuple[str, Any, int], ...]
    line: int
    target: str = ""


def calls_of(text: str, path: Path) -> tuple[ScriptCall, ...]:
    """The known calls of a script, in its order. Raises PresetError where it is no Python."""
    try:
        with warnings.catch_warnings():
            # Of escapes in its texts, which are not ours to complain about.
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except SyntaxError as error:
        raise _refused(f"{path}:{error.lineno or 0}", f"no Python: {error.msg}.\nMend that line.") from None
    except (ValueError, RecursionError, MemoryError):
        raise _refused(str(path), "cannot be parsed as Python.\nName another file.") from None
    try:
        return tuple(_Reader().found(tree))
    except RecursionError:
        raise _refused(str(path), "its expressions are nested too deeply.\nName another file.") from None


def _refused(where: str, what: str) -> PresetError:
    return PresetError([Problem(where, "", what)])


class _Reader:
    """Goes through a script from top to bottom, remembering what names are set to. What a name is set to in a branch or
    a loop is not known.
    """

    def __init__(self) -> None:
        self._names: dict[str, Any] = {}
        self._target = ""
        self._branches = 0

    def found(self, node: ast.AST) -> Iterator[ScriptCall]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from self._function(node)
            return
        branch = isinstance(node, _BRANCHES) and not _is_main(node)
        self._target = _target(node) if isinstance(node, ast.stmt) else self._target
        self._branches += branch
        for target in _given_in(node):
            self._forget(target)
        for part in ast.iter_child_nodes(node):
            yield from self.found(part)
        self._branches -= branch
        if isinstance(node, ast.Call) and (name := _known(node.func)) is not None:
            yield self._call(name, node)
        self._follow(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Iterator[ScriptCall]:
        """What is set inside is not known outside, and what it is given is known to its callers alone."""
        before = dict(self._names)
        given = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
        self._names |= {argument.arg: COMPUTED for argument in given}
        for part in ast.iter_child_nodes(node):
            yield from self.found(part)
        self._names = before

    def _follow(self, node: ast.AST) -> None:
        """What names are set to from here on."""
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._remember(target, node.value)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            self._remember(node.target, node.value)
        elif isinstance(node, ast.AugAssign | ast.NamedExpr):
            self._forget(node.target)
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            self._forget(node.optional_vars)

    def _remember(self, target: ast.expr, value: ast.expr) -> None:
        if not isinstance(target, ast.Name):
            self._forget(target)
            return
        known, new = self._names.get(target.id), self._value(value)
        self._names[target.id] = COMPUTED if self._branches and new != known else new

    def _forget(self, target: ast.expr) -> None:
        for part in ast.walk(target):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                self._names[part.id] = COMPUTED

    def _call(self, name: str, node: ast.Call) -> ScriptCall:
        arguments: list[tuple[str, Any, int]] = []
        for label, value in zip(CALLS[name].positional, node.args, strict=False):
            arguments.append((label, self._value(value), value.lineno))
        for keyword in node.keywords:
            value = self._value(keyword.value)
            if keyword.arg is not None:
                arguments.append((keyword.arg, value, keyword.value.lineno))
            elif isinstance(value, dict):
                arguments += [(str(key), inner, keyword.value.lineno) for key, inner in value.items()]
            else:
                arguments.append(("**", COMPUTED, keyword.value.lineno))
        return ScriptCall(name, tuple(arguments), node.lineno, self._target)

    def _value(self, node: ast.expr) -> Any:
        """A literal, a name set to one before, or 'torch.bfloat16'; COMPUTED for all else."""
        if isinstance(node, ast.Name):
            return self._names.get(node.id, COMPUTED)
        if isinstance(node, ast.Attribute):
            return _dotted(node) if _dotted(node).startswith("torch.") else COMPUTED
        if isinstance(node, ast.List | ast.Tuple):
            items = [self._value(item) for item in node.elts]
            return COMPUTED if any(item is COMPUTED for item in items) else items
        if isinstance(node, ast.Dict):
            return self._mapping(node)
        try:
            return ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return COMPUTED

    def _mapping(self, node: ast.Dict) -> Any:
        keys = [COMPUTED if key is None else self._value(key) for key in node.keys]
        if any(not isinstance(key, str) for key in keys):
            return COMPUTED
        return dict(zip(keys, map(self._value, node.values), strict=True))


def _given_in(node: ast.AST) -> list[ast.expr]:
    """The names that a loop gives to what is inside it."""
    if isinstance(node, ast.For | ast.AsyncFor):
        return [node.target]
    return [part.target for part in getattr(node, "generators", ())]


def _is_main(node: ast.AST) -> bool:
    """Whether it is `if __name__ == "__main__"`, which a script that is started goes into."""
    test = node.test if isinstance(node, ast.If) else None
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def _target(node: ast.stmt) -> str:
    """The name that a statement sets; '' for none, or several."""
    targets = node.targets if isinstance(node, ast.Assign) else []
    return targets[0].id if len(targets) == 1 and isinstance(targets[0], ast.Name) else ""


def _known(function: ast.expr) -> str | None:
    """The name in CALLS: 'LoraConfig' for `peft.LoraConfig`, 'FastModel.from_pretrained' for `unsloth.FastModel.…`."""
    parts = _dotted(function).split(".") if isinstance(function, ast.Name | ast.Attribute) else []
    name = ".".join(parts[-2:])
    if name in CALLS:
        return name
    last = parts[-1] if parts else getattr(function, "attr", "")
    return last if last in CALLS else None


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        start = _dotted(node.value)
        return f"{start}.{node.attr}" if start else node.attr
    return node.id if isinstance(node, ast.Name) else ""
