"""Which rows are held out, drawn and blended: by position and seed, so that a reader of keys alone counts the same."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Hashable, Sequence

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


def held_out(keys: Sequence[Hashable], fraction: float, most: int, seed: int) -> set[int]:
    """Positions of the rows to hold out, drawn only from rows whose key is there once: a held-out row that is also
    trained on measures memory.
    """
    copies = Counter(keys) if held_out_size(len(keys), fraction, most) else Counter()
    single = [place for place, key in enumerate(keys) if copies[key] == 1]
    return held_out_of(single, len(keys), fraction, most, seed)


def held_out_of(single: Sequence[int], rows: int, fraction: float, most: int, seed: int) -> set[int]:
    """The same where it is known already which of the `rows` positions hold a single row."""
    wanted = held_out_size(rows, fraction, most)
    return {int(single[i]) for i in sample(len(single), wanted, seed)} if wanted else set()


def blended_size(own: int, ratio: float, all_ratios: float) -> int:
    """Rows of a source with this share of all, beside `own` rows and sources with `all_ratios` together."""
    return round(own * ratio / (1 - all_ratios))


def interleave(sizes: Sequence[int]) -> list[int]:
    """An order in which several lists are merged evenly: the number of the list each next row comes from."""
    places = [((i + 0.5) / size, which) for which, size in enumerate(sizes) for i in range(size)]
    return [which for _, which in sorted(places)]
