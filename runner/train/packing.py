"""Short rows joined to full-length ones."""

from __future__ import annotations

from datasets import Dataset
from trl.data_utils import pack_dataset

from runner.preset.schema import Preset


def pack(rows: Dataset, preset: Preset) -> Dataset:
    """Pack rows to train.max_length; the added column seq_lengths keeps them from attending to each other."""
    return pack_dataset(
        rows, preset.train.max_length, preset.train.packing_strategy, map_kwargs={"batch_size": len(rows)}
    )
