"""Which rows are held out, drawn and blended: by position and seed, so that a reader of keys alone counts the same."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

LEAST_HELD_OUT = 32


def held_out_size(rows: int, fraction: float, most: int) -> int:
    """Rows to hold out: the fraction or 32, whichever is more, at most `most` and at most a fifth of a small file."""
    if fraction == 0 or rows < 2:
        return 0
    return min(max(math.ceil(rows * fraction), LEAST_HELD_OUT), most, max(1, rows // 5))


def sample(rows: int, most: int, seed: int) -> Sequence[int]:
    """At most `most` of the positions 0 … rows − 1, drawn with the seed, rising."""
    if rows <= most:
        return range(rows)
    return sorted(random.Random(seed).sample(range(rows), most))


def shuffled(rows: int, seed: int) -> list[int]:
    """The positions 0 … rows − 1 in an order that the seed decides."""
    order = list(range(rows))
    random.Random(seed).shuffle(order)
    return order


def held_out(keys: npt.NDArray[np.generic], fraction: float, most: int, seed: int) -> npt.NDArray[np.bool_]:
    """Which rows are held out, as a mask of shape (rows,), drawn only from rows whose key is there once: a held-out row
    that is also trained on measures memory.
    """
    mask = np.zeros(len(keys), dtype=bool)
    if wanted := held_out_size(len(keys), fraction, most):
        _, inverse, copies = np.unique(keys, return_inverse=True, return_counts=True)
        single = np.flatnonzero(copies[inverse] == 1)
        mask[single[np.asarray(sample(len(single), wanted, seed), dtype=np.int64)]] = True
    return mask


def blended_size(own: int, ratio: float, all_ratios: float) -> int:
    """Rows of a source with this share of all, beside `own` rows and sources with `all_ratios` together."""
    return round(own * ratio / (1 - all_ratios))


def interleave(sizes: Sequence[int]) -> list[int]:
    """An order in which several lists are merged evenly: the number of the list each next row comes from."""
    places = [((i + 0.5) / size, which) for which, size in enumerate(sizes) for i in range(size)]
    return [which for _, which in sorted(places)]
