"""The rows of a preset as they are divided: to train on, held out, and of general ability."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from runner.data.row import Row
from runner.data.sources import read_rows
from runner.insight import split
from runner.insight.division import Division, Keys, Places, divide
from runner.preset.data_sources import TRAIN, data_sources, own_sources
from runner.preset.schema import Preset
from runner.train.hub import hub_rows


@dataclass(frozen=True)
class Divided:
    """`division` says where the rows of each part stand in `rows`, the rows of every source by its name; `left_out` is
    how many of each source are in none.
    """

    rows: Mapping[str, list[Row]]
    division: Division
    own_names: tuple[str, ...] = (TRAIN,)
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def train(self) -> list[Row]:
        """All rows to train on, own ones and mixed ones merged evenly."""
        lists = [self._rows(name, places) for name, places in self.division.train.items()]
        nexts = [iter(rows) for rows in lists]
        return [next(nexts[which]) for which in split.interleave([len(rows) for rows in lists])]

    @property
    def own(self) -> list[Row]:
        """Every row of the preset's own sources."""
        return [row for source in self.own_names for row in self.rows[source]]

    @property
    def mixed(self) -> list[list[Row]]:
        """The rows of each source of data.mix that are trained on."""
        return [
            self._rows(name, places)
            for name, places in self.division.train.items()
            if name not in self.own_names
        ]

    @property
    def held_out(self) -> list[Row]:
        return [row for name, places in self.division.evaluated.items() for row in self._rows(name, places)]

    @property
    def general(self) -> list[Row]:
        return [row for name, places in self.division.general.items() for row in self._rows(name, places)]

    def _rows(self, name: str, places: Places) -> list[Row]:
        return [self.rows[name][place] for place in places]


def read_divided(preset: Preset, takes: Callable[[Row], bool] | None = None) -> Divided:
    """Read every source and divide its rows, those that `takes` refuses left out before. Raises DataError."""
    rows, left_out = {}, {}
    for source in data_sources(preset.data):
        every, without = read_rows(source, hub_rows)
        rows[source.name] = every if takes is None else [row for row in every if takes(row)]
        left_out[source.name] = without + len(every) - len(rows[source.name])
    own = tuple(source.name for source in own_sources(preset.data))
    return Divided(
        rows, divide(preset, {name: keys_of(found) for name, found in rows.items()}), own, left_out
    )


def keys_of(rows: Sequence[Row]) -> Keys:
    """What rows are told apart by, shape (rows,)."""
    return np.array([row.short_key for row in rows], dtype=np.uint64)
