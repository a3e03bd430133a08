"""How the value of another tool's key becomes the value of a setting, and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class NoCounterpartError(ValueError):
    """A value that the setting cannot express; the message says what to do instead."""


@dataclass(frozen=True)
class Conversion:
    """`reads` makes our value of theirs and raises NoCounterpartError where there is none; `writes` goes back."""

    reads: Callable[[Any], Any]
    writes: Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


def _opposite(value: Any) -> Any:
    return not value if isinstance(value, bool) else value


def _list_of(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _with_commas(value: Any) -> Any:
    return ",".join(value) if isinstance(value, list) else value


def _share(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 1:
        raise NoCounterpartError("It is a count of rows; data.eval_fraction is a share of them, below 1.")
    return value


def _share_of_percent(value: Any) -> Any:
    return value / 100 if isinstance(value, int | float) and not isinstance(value, bool) else value


def _share_of_steps(value: Any) -> Any:
    if isinstance(value, int | float) and value >= 1:
        raise NoCounterpartError("It is a share of all steps and must be below 1.")
    return value


def _targets(value: Any) -> Any:
    """Their names of layers; a list that holds the word for all of them stands for all. Texts stay as they are: one
    may be a pattern.
    """
    words = _list_of(value) if isinstance(value, str | list) else []
    return "all-linear" if {"all", "all-linear"} & set(map(str, words)) else value


def _template_file(value: Any) -> Any:
    if isinstance(value, str) and value.endswith((".jinja", ".j2", ".jinja2")):
        return value
    raise NoCounterpartError("Its templates are its own: the tokenizer's template is used, or a .jinja file.")


def _budget(value: Any) -> Any:
    """A count of steps that is 0 where there is none."""
    return -1 if value == 0 else value


def _cadence(value: Any) -> Any:
    return "auto" if value == 0 else value


def _only(value: Any) -> Any:
    if isinstance(value, list) and len(value) != 1:
        raise NoCounterpartError("It takes one; give each its own source in data.train_dataset.")
    return value[0] if isinstance(value, list) else value


def never(why: str) -> Conversion:
    """Of keys whose values count something else."""

    def refuse(value: Any) -> Any:
        raise NoCounterpartError(why)

    return Conversion(refuse, _same)


def column(ours: str) -> Conversion:
    """Of keys that name one column of the rows."""
    return Conversion(
        lambda theirs: {ours: theirs} if isinstance(theirs, str) and theirs else theirs,
        lambda columns: columns.get(ours),
    )


SAME = Conversion(_same, _same)
OPPOSITE = Conversion(_opposite, _opposite)
COMMAS = Conversion(_list_of, _with_commas)
ONE = Conversion(_only, _same)
SHARE = Conversion(_share, _same)
PERCENT = Conversion(_share_of_percent, lambda share: share * 100)
SHARE_OF_STEPS = Conversion(_share_of_steps, _same)
TARGETS = Conversion(_targets, _same)
# LLaMA-Factory and Unsloth's configs: one text for several layers.
COMMA_TARGETS = Conversion(_targets, lambda value: "all" if value == "all-linear" else _with_commas(value))
TEMPLATE_FILE = Conversion(_template_file, _same)
ZERO_IS_NO_LIMIT = Conversion(_budget, lambda value: 0 if value == -1 else value)
ZERO_IS_AUTO = Conversion(_cadence, lambda value: 0 if value == "auto" else value)
