"""Settings that hold a secret are refused: every run keeps its preset in clear, and presets are shared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from runner.preset.errors import PresetError, Problem
from runner.preset.fields import fields
from runner.preset.section import KeyPath
from runner.preset.validate import Origins, origin_of
from runner.redaction.blotting import secret_in

INSTEAD = (
    "Take it out. A run gets tokens from its environment (HF_TOKEN, WANDB_API_KEY) or from `hf auth login`."
)


def refuse(values: Mapping[str, Any], origins: Origins, source: str) -> None:
    """Raises PresetError with every setting that holds a secret; the secret is not told. `values` are those that were
    written, before paths are made absolute: that would take addresses apart.
    """
    found = [
        Problem(str(origin_of(path, origins, source)), ".".join(path[:2]), _said(what))
        for path, what in _secrets(values, ())
    ]
    if found:
        raise PresetError({problem.key: problem for problem in found}.values())


def refuse_override(text: str) -> None:
    """The same for a `section.key=value`, before it is read as YAML: what is wrong with that would be quoted."""
    key, _, value = text.partition("=")
    in_key, in_value = secret_in(key), _secret(value)
    if what := in_key or in_value:
        raise PresetError([Problem("--set", "" if in_key else key.strip(), _said(what))])


def _said(what: str) -> str:
    return f"holds {what}, which would be kept in clear with every run.\n{INSTEAD}"


def _secrets(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, str) and (what := _secret(value)):
        yield path, what
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if what := secret_in(key):
                yield path, what
            else:
                yield from _secrets(item, (*path, key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _secrets(item, (*path, str(place)))


def _secret(text: str) -> str:
    return "" if text in _own_words() else secret_in(text)


@cache
def _own_words() -> frozenset[str]:
    """Texts that settings take by themselves, as `constant_with_warmup`: public, whatever a variable holds."""
    found: set[str] = set()
    for field in fields():
        found.update(field.choices, field.words)
        found.update([field.default] if isinstance(field.default, str) else ())
    return frozenset(found)
