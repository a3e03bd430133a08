"""Which rows a step sees: an order of its own for each epoch, known before it is trained, and a record of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import Sampler

from runner.insight.batch import BatchPlan
from runner.store.directory import RunDirectory
from runner.store.jsonl import LineWriter

# (number of the source: 0 for the preset's own rows, then those of data.mix; 1-based number of the row in it)
RowName = tuple[int, int]


class RowOrder(Sampler[int]):
    """A permutation of the rows that depends on seed and epoch alone, so that a resumed run goes on in the same one."""

    def __init__(self, rows: int, seed: int, lengths: Sequence[int] = ()) -> None:
        self._rows, self._seed = rows, seed
        self._longest = max(range(len(lengths)), key=lengths.__getitem__) if lengths else None
        self._grouped: Any = None
        self._epoch = 0
        self._known: tuple[int, list[int]] | None = None

    def __len__(self) -> int:
        return self._rows

    def __iter__(self) -> Iterator[int]:
        yield from self.of(self._epoch)

    def group(self, sampler: Any) -> None:
        """Take the order of another sampler (rows of like length together), seeded by epoch as well."""
        self._grouped = sampler

    def set_epoch(self, epoch: int) -> None:
        """Called by the data loader when an epoch (from 0) begins."""
        self._epoch = epoch

    def of(self, epoch: int) -> list[int]:
        """The whole order of an epoch."""
        if self._known is None or self._known[0] != epoch:
            generator = torch.Generator().manual_seed(self._seed * 1_000_003 + epoch)
            if self._grouped is not None:
                self._grouped.generator = generator
                order = list(self._grouped)
            else:
                order = torch.randperm(self._rows, generator=generator).tolist()
                self._longest_first(order, epoch)
            self._known = (epoch, order)
        return self._known[1]

    def _longest_first(self, order: list[int], epoch: int) -> None:
        """What the longest row needs is needed in the first step: if memory runs out, then in the first minute."""
        if epoch == 0 and self._longest is not None:
            place = order.index(self._longest)
            order[0], order[place] = order[place], order[0]

    def of_step(self, step: int, per_device: int, accumulation: int) -> list[int]:
        """The places of the rows that optimizer step `step` (from 1) is made of."""
        batches = math.ceil(self._rows / per_device)
        steps_per_epoch = math.ceil(batches / accumulation)
        epoch, within = divmod(step - 1, steps_per_epoch)
        size = per_device * accumulation
        return self.of(epoch)[within * size : (within + 1) * size]


class RowRecord:
    """Appends to rows.jsonl which rows each step saw: {"step": 412, "rows": [[0, 17], [0, 993], …]}."""

    def __init__(
        self, run: RunDirectory, order: RowOrder, names: Sequence[Sequence[RowName]], plan: BatchPlan
    ) -> None:
        self._writer = LineWriter(run.rows, patient=True)
        self._order, self._names, self._plan = order, names, plan

    def close(self) -> None:
        """Nothing more is written; what a full disk did not take is given some time."""
        self._writer.close()

    def append(self, step: int) -> None:
        """Write one step. Packed rows are written as what they are made of."""
        places = self._order.of_step(step, self._plan.per_device, self._plan.accumulation)
        seen = dict.fromkeys(name for place in places for name in self._names[place])
        self._writer.append({"step": step, "rows": [list(name) for name in seen]})
