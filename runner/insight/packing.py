"""How many full-length rows short ones are packed into, without packing them."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping


def packed_rows(lengths: Mapping[int, int], max_length: int, split: bool = False) -> int:
    """Rows after packing by best fit decreasing, from {length in tokens: rows}; longer rows are cut at max_length,
    or with `split` divided into pieces of it.

    The number depends on lengths alone: each row goes where it leaves least space, longest first. TRL's `bfd` and
    `bfd_split` count the same (tests/train/test_packing.py).
    """
    pieces: dict[int, int] = {}
    for length, count in lengths.items():
        if length < 1:
            continue
        whole, rest = divmod(length, max_length) if split else (0, min(length, max_length))
        for piece, times in ((max_length, whole), (rest, 1)):
            if piece and times:
                pieces[piece] = pieces.get(piece, 0) + times * count
    # Bins by the space left in them: {space: bins}, and the spaces in order.
    left: dict[int, int] = {}
    spaces: list[int] = []
    bins = 0

    def add(space: int, count: int) -> None:
        if space and count:
            if space not in left:
                insort(spaces, space)
                left[space] = 0
            left[space] += count

    for piece in sorted(pieces, reverse=True):
        waiting = pieces[piece]
        while waiting:
            place = bisect_left(spaces, piece)
            if place == len(spaces):
                # Into new bins: each takes as many as fit, because its own space is then the tightest.
                each = max_length // piece
                full, rest = divmod(waiting, each)
                bins += full + (rest > 0)
                add(max_length - each * piece, full)
                if rest:
                    add(max_length - rest * piece, 1)
                break
            space = spaces[place]
            # A bin goes on being the tightest until the piece fits no more.
            each = space // piece
            full = min(left[space], waiting // each)
            if full:
                _take(left, spaces, space, full)
                add(space - each * piece, full)
                waiting -= full * each
            else:
                _take(left, spaces, space, 1)
                add(space - waiting * piece, 1)
                waiting = 0
    return bins


def _take(left: dict[int, int], spaces: list[int], space: int, count: int) -> None:
    left[space] -= count
    if not left[space]:
        del left[space]
        del spaces[bisect_left(spaces, space)]
