"""Short rows joined to full-length ones."""

from __future__ import annotations

from dataclasses import replace

from datasets import Dataset
from trl.data_utils import pack_dataset

from runner.preset.schema import Preset
from runner.train.dataset import Data

PLACES = "places"


def pack(rows: Dataset, preset: Preset) -> Dataset:
    """Pack rows to train.max_length; the added column seq_lengths keeps them from attending to each other."""
    return pack_dataset(
        rows, preset.train.max_length, preset.train.packing_strategy, map_kwargs={"batch_size": len(rows)}
    )


def pack_training(data: Data, preset: Preset) -> Data:
    """The same for the rows to train on; a column that follows each token tells which rows a packed one is made of."""
    places = [[place] * len(ids) for place, ids in enumerate(data.train["input_ids"])]
    packed = pack(data.train.add_column(PLACES, places), preset)
    names = [
        [name for place in dict.fromkeys(within) for name in data.names[place]] for within in packed[PLACES]
    ]
    return replace(data, train=packed.remove_columns(PLACES), names=names)
