"""Tables and numbers in plain text, the same in every verb."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import click

from runner.insight import standing
from runner.insight.curves import Curves

# What would move a terminal's cursor, and halves of surrogate pairs: both stand only inside strings.
_TO_ESCAPE = re.compile(r"[\x7f-\x9f\ud800-\udfff]")


def print_json(value: Any) -> None:
    said = json.dumps(plain(value), indent=1, ensure_ascii=False, allow_nan=False, default=str)
    click.echo(_TO_ESCAPE.sub(lambda found: f"\\u{ord(found[0]):04x}", said))


def plain(value: Any) -> Any:
    """A value as JSON can hold it: numbers that are not finite become the strings NaN, Infinity, -Infinity."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def print_standing(curves: Curves) -> None:
    """A line for each evaluated set, for what else was measured on it, and for what a run is made to increase."""
    for name, words in standing.task_lines(curves):
        click.echo(f"{name:<10} {words}")
    for name, words in standing.evaluations(curves):
        click.echo(f"{name:<10} {words}")
    for of, name, words in standing.measures(curves):
        click.echo(f"{f'{of} {name}'.strip():<10} {words}")


def print_table(rows: Sequence[Sequence[str]], heads: Sequence[str]) -> None:
    """Columns as wide as they need to be; the last one is not padded."""
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    click.secho(_line(heads, widths), dim=True)
    for row in rows:
        click.echo(_line(row, widths))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def waiting(words: str) -> AbstractContextManager[object]:
    """A sign of life while something takes seconds; nothing where nobody looks."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console
    from rich.markup import escape

    return Console(stderr=True).status(escape(words))


def loss(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"
