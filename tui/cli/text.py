"""Tables and numbers in plain text, the same in every verb."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from runner.insight import answers, standing
from runner.insight.curves import Curves
from runner.insight.figures import number
from runner.insight.task import task_of
from tui.cli import out

LABEL_WIDTH = 10


def print_json(value: Any) -> None:
    out.echo_json(json.dumps(plain(value), indent=1, ensure_ascii=False, allow_nan=False, default=str))


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
    """A line for each evaluated set, for right answers, for what else was measured, and for what a run is made to
    increase.
    """
    measured = [(f"{of} {name}".strip(), words) for of, name, words in standing.measures(curves)]
    answered = [("answers", words)] if (words := answers.course(curves.answers)) else []
    for lines in (standing.task_lines(curves), standing.evaluations(curves), answered, measured):
        width = max([LABEL_WIDTH, *(len(name) for name, _ in lines)])
        for name, words in lines:
            out.echo(f"{name:<{width}} {words}")


def metrics_as_plain(curves: Curves) -> dict[str, Any]:
    """The kind of training and what is logged beside the loss, for JSON."""
    return {
        "task": task_of(curves).value,
        "metrics": {name: dataclasses.asdict(metric) for name, metric in curves.metrics.items()},
        "eval_metrics": {
            of: {name: dataclasses.asdict(metric) for name, metric in metrics.items()}
            for of, metrics in curves.eval_metrics.items()
        },
    }


def print_table(rows: Sequence[Sequence[str]], heads: Sequence[str], optional: str = "") -> None:
    """Columns as wide as they need to be; the last one is not padded. The `optional` one is left out where it is
    empty.
    """
    if optional in heads and not any(row[heads.index(optional)] for row in rows):
        place = heads.index(optional)
        rows, heads = [without(row, place) for row in rows], without(heads, place)
    rows = [[out.shown(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    out.echo(out.styled(_line(heads, widths), dim=True))
    for row in rows:
        out.echo(_line(row, widths))


def without(cells: Sequence[str], place: int) -> list[str]:
    return [cell for at, cell in enumerate(cells) if at != place]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def waiting(words: str) -> AbstractContextManager[object]:
    """A sign of life while something takes seconds; nothing without a terminal."""
    if not sys.stderr.isatty():
        return nullcontext()
    from tui.cli import rich_out

    return rich_out.PlainConsole(err=True).status(rich_out.words(words))


def loss(value: float | None) -> str:
    return "–" if value is None else number(value)


def percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"
