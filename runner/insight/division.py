"""Which rows of a preset's data are trained on and which are evaluated on: the split and the mix, from keys alone.

The trainer has whole rows and the X-ray only their keys; both divide here, so both count the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from runner.insight import split
from runner.preset.data_sources import EVAL, GENERAL, mixed_in, own_sources
from runner.preset.schema import Preset

Keys = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Division:
    """Positions among the usable rows of a source, by its name (runner/preset/data_sources.py), rising, shape (n,).

    `train` are the preset's own rows and those of each source of data.mix, a place several times where its source
    weighs more; `evaluated` the held-out ones; `general` those of general ability. `overlap` are rows of the eval
    source that are trained on, and so left out.
    """

    train: Mapping[str, Places]
    evaluated: Mapping[str, Places]
    general: Mapping[str, Places]
    overlap: Places

    def ensure_whole(self, sources: Iterable[str]) -> None:
        """Raises LookupError for a source that is read and used for nothing: what a preset names is not passed over."""
        if unused := set(sources) - {*self.train, *self.evaluated, *self.general}:
            raise LookupError(
                f"nothing is done with the rows of {', '.join(sorted(unused))}: division.py must say what"
            )

    @property
    def held_out(self) -> int:
        """How many of the preset's own rows are held out."""
        return sum(len(places) for name, places in self.evaluated.items() if name != EVAL)


def divide(preset: Preset, keys: Mapping[str, Keys]) -> Division:
    """Divide the rows of every source that was read; `keys` are equal for equal rows, shape (rows,) for each source.

    A row that is evaluated on is never trained on too, whichever source it comes from. Without named rows for it, rows
    of general ability are held out of the mix before anything is drawn for training. A source of the mix that is too
    small gives what it has.
    """
    data, seed, most = preset.data, preset.train.seed, preset.eval.most_rows
    own_ones = [source for source in own_sources(data) if source.name in keys]
    own = {
        source.name: _taken(np.arange(len(keys[source.name])), source.most, seed + place)
        for place, source in enumerate(own_ones)
    }
    if data.max_train_samples:
        own = _sample_of_all(own, data.max_train_samples, seed)
    own_keys = np.concatenate([keys[name][places] for name, places in own.items()])
    overlap = _none()
    if EVAL in keys:
        known = np.isin(keys[EVAL], own_keys)
        overlap = np.flatnonzero(known)
        evaluated = {EVAL: _sample(np.flatnonzero(~known), most, seed)}
    else:
        chosen = split.held_out(own_keys, data.eval_fraction, most, seed)
        borders = np.cumsum([len(places) for places in own.values()])[:-1]
        parts = dict(zip(own, np.split(chosen, borders), strict=True))
        evaluated = {name: own[name][parts[name]] for name in own}
        own = {name: own[name][~parts[name]] for name in own}
    tested = np.concatenate([keys[name][places] for name, places in evaluated.items()])
    train, general = dict[str, Places](), dict[str, Places]()
    for place, source in enumerate(own_ones):
        train[source.name] = _weighted(own[source.name], source.weight, seed + place)
    owned = sum(len(places) for places in train.values())
    sources = mixed_in(data)
    ratios = sum(source.ratio for source in sources)
    for place, source in enumerate(sources):
        if source.name not in keys:
            continue
        found = keys[source.name]
        usable = np.flatnonzero(~np.isin(found, tested))
        # Sources get different draws of one seed: the same file named twice is not drawn alike.
        own_seed = seed + place
        if GENERAL not in keys:
            chosen = split.held_out(found[usable], data.eval_fraction, most, own_seed)
            general[source.name] = usable[chosen]
            usable = usable[~chosen]
        train[source.name] = _sample(usable, split.blended_size(owned, source.ratio, ratios), own_seed)
    if GENERAL in keys:
        general = {GENERAL: np.arange(len(keys[GENERAL]))}
    learned = np.concatenate([keys[name][places] for name, places in train.items()])
    general = {
        name: places[~np.isin(keys[name][places], learned)]
        for name, places in _sample_of_all(general, most, seed).items()
    }
    made = Division(train, evaluated, general, overlap)
    made.ensure_whole(keys)
    return made


def _none() -> Places:
    return np.empty(0, dtype=np.int64)


def _taken(places: Places, most: int | None, seed: int) -> Places:
    return places if most is None else _sample(places, most, seed)


def _weighted(places: Places, weight: float, seed: int) -> Places:
    """Every place as often as its source weighs; of a part of a time, places drawn with the seed."""
    if weight == 1:
        return places
    whole, part = int(weight), weight - int(weight)
    drawn = _sample(places, round(part * len(places)), seed)
    return np.sort(np.concatenate([*[places] * whole, drawn]))


def _sample(places: Places, most: int, seed: int) -> Places:
    return places[np.asarray(split.sample(len(places), most, seed), dtype=np.int64)]


def _sample_of_all(found: Mapping[str, Places], most: int, seed: int) -> dict[str, Places]:
    """At most so many rows of all these sources together."""
    borders = np.cumsum([len(places) for places in found.values()])
    chosen = np.asarray(split.sample(int(borders[-1]) if len(borders) else 0, most, seed), dtype=np.int64)
    parts = np.split(chosen, np.searchsorted(chosen, borders[:-1]))
    starts = [0, *borders[:-1].tolist()]
    return {
        name: places[part - start]
        for (name, places), part, start in zip(found.items(), parts, starts, strict=False)
    }
