"""Named numbers over steps, as they grow: what a trainer logs beside the columns of insight/train_curve.py."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Mapping
from itertools import islice
from typing import Any

import numpy as np

from runner import plain_text
from runner.insight.curves import Metric

# No trainer logs so many that mean anything; a file that does must not cost the memory of a thousand columns.
MOST_NAMES = 96


class MetricBook:
    """Columns of steps and values by name. A step that comes again replaces what was known from it on."""

    def __init__(self) -> None:
        self._columns: dict[str, tuple[array[float], array[float]]] = {}
        # What was handed out last: a column that did not grow since is the same.
        self._curves: dict[str, Metric] = {}

    def __repr__(self) -> str:
        return f"MetricBook({ {name: (list(steps), list(values)) for name, (steps, values) in self._columns.items()} })"

    def add(self, step: int, values: Mapping[str, Any]) -> None:
        """Take the values of a step in. TypeError for what are none, ValueError for text that is no number."""
        for raw, value in islice(values.items(), MOST_NAMES):
            if isinstance(value, bool) or not isinstance(value, int | float | str):
                raise TypeError(f"{value!r} is no number")
            name = plain_text.line(str(raw))
            if name not in self._columns:
                if len(self._columns) >= MOST_NAMES:
                    continue
                self._columns[name] = (array("d"), array("d"))
            if (before := self._columns[name][0]) and before[-1] >= step:
                self._cut(name, step - 1)
            steps, numbers = self._columns[name]
            steps.append(step)
            numbers.append(float(value))

    def cut(self, step: float) -> None:
        """Forget what came after a step."""
        for name in self._columns:
            self._cut(name, step)

    def _cut(self, name: str, step: float) -> None:
        steps, numbers = self._columns[name]
        kept = bisect_right(steps, step)
        # A curve that was handed out has copies.
        del steps[kept:], numbers[kept:]
        self._curves.pop(name, None)

    def curves(self) -> dict[str, Metric]:
        """What is known now; what is added later does not change it."""
        for name, (steps, numbers) in self._columns.items():
            known = self._curves.get(name)
            if known is None or len(known) != len(steps):
                self._curves[name] = Metric(np.array(steps), np.array(numbers))
        return dict(self._curves)
