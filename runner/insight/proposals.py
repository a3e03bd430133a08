"""Pairs of per-device batch and accumulation that reach an effective batch, best first."""

from __future__ import annotations

import math
from dataclasses import dataclass

from runner.insight.data import DataReport
from runner.insight.memory.inputs import MemoryInputs
from runner.insight.memory.predict import Predictor
from runner.insight.memory.savings import with_batch

# What a pass costs however short it is, in tokens: the weights are dequantised, kernels launched. On A100 and 4090 that
# is 40 % of a pass of 512 tokens, 10 % of 2 k and 2.5 % of 8 k.
PASS_TOKENS = 200
MOST_OFF = 0.05
SAME_TIME = 0.02
# As the schema allows.
MOST = 4096
MOST_SHOWN = 6
ENOUGH = 4


@dataclass(frozen=True)
class Proposal:
    """One pair. need_mib is the 95th percentile of what it needs (None: not predicted); relative_time is the time of a
    row, 1.0 for the fastest pair that fits.
    """

    per_device: int
    accumulation: int
    need_mib: float | None
    fits: bool
    relative_time: float

    @property
    def effective(self) -> int:
        return self.per_device * self.accumulation


def propose(
    target: int,
    setup: MemoryInputs | None,
    predictor: Predictor | None,
    data: DataReport | None,
    max_length: int,
) -> tuple[Proposal, ...]:
    """Pairs whose product is the target, or within 5 % of it where it has few divisors.

    Those that fit come first, then the faster ones, then those that need less memory. Times less than 2 % above the
    best count as equal to it: a smaller batch with the same speed leaves room for a long row. ValueError below 1.
    """
    if target < 1:
        raise ValueError("an effective batch has at least one row")
    found = []
    for per_device, accumulation in _pairs(target):
        need = None
        if setup is not None and predictor is not None:
            need = predictor.need_mib(with_batch(setup, per_device, accumulation))
        fits = need is None or predictor is None or need <= predictor.card.free_mib
        found.append(
            Proposal(per_device, accumulation, need, fits, _time_a_row(per_device, data, max_length))
        )
    exact = [one for one in found if one.effective == target]
    fastest = min(
        (one.relative_time for one in found if one.fits), default=min(one.relative_time for one in found)
    )
    relative = [
        Proposal(one.per_device, one.accumulation, one.need_mib, one.fits, one.relative_time / fastest)
        for one in found
    ]
    relative.sort(key=lambda one: (not one.fits, int((one.relative_time - 1) / SAME_TIME), one.per_device))
    shown = relative[:MOST_SHOWN]
    if not any(one.effective == target for one in shown):
        shown[-1:] = exact[:1]
    return tuple(shown)


def _pairs(target: int) -> list[tuple[int, int]]:
    """The exact pairs, and where they are few also those within 5 %."""
    root = math.isqrt(target)
    near = {(small, round(target / small)) for small in range(1, root + 1)}
    near |= {(large, small) for small, large in near}
    allowed = [pair for pair in sorted(near) if max(pair) <= MOST]
    exact = [pair for pair in allowed if pair[0] * pair[1] == target]
    close = [pair for pair in allowed if abs(pair[0] * pair[1] - target) <= MOST_OFF * target]
    return exact if len(exact) >= ENOUGH else close


def _time_a_row(per_device: int, data: DataReport | None, max_length: int) -> float:
    """Time of a row in tokens: rows are padded to the longest of their batch, and each pass costs something more."""
    known = data is not None and data.lengths
    length = data.expected_longest(per_device, max_length) if known and data is not None else max_length
    return length + PASS_TOKENS / per_device
