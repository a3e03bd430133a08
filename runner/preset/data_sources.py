"""Every set of rows a preset names, in one list: what must exist, is read and is examined follows from it.
What they are for is said by runner/insight/division.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from runner.preset.data_sections import DataSection, TrainSource
from runner.preset.reading import AS_IT_IS, Reading

TRAIN, EVAL, GENERAL = "train", "eval", "general"


@dataclass(frozen=True)
class DataSource:
    """A file or a split of a hub data set. `name` is train (then 'train 2', 'train 3' …), eval, general, or 'mix 1',
    'mix 2' …; `key` is the setting that names `dataset`: a path that begins with /, or a name on the hub.

    `number` stands for it in rows.jsonl: 0 for the preset's own rows, then those of data.mix, then further own ones;
    None for rows that are only evaluated. `ratio` is the share of all training rows that a source of data.mix has.
    `skipped` are the rows that are left out, by their number from 1; `most` and `weight` say how many of an own source
    are taken, and how often each of them. `reading` is what its rows mean.
    """

    name: str
    key: str
    dataset: str
    split: str = "train"
    config: str | None = None
    number: int | None = None
    ratio: float = 0.0
    skipped: frozenset[int] = frozenset()
    is_own: bool = False
    most: int | None = None
    weight: float = 1.0
    reading: Reading = AS_IT_IS

    @property
    def is_local(self) -> bool:
        return self.dataset.startswith("/")


def data_sources(data: DataSection) -> tuple[DataSource, ...]:
    """The training rows, the held-out rows where any are named, those of data.mix, and those of general ability."""
    config, reading = data.dataset_config_name, reading_of(data)
    own = list(_own(data))
    train, *others = own
    found = [train]
    if data.eval_dataset is not None:
        split = data.eval_split or "train"
        found.append(DataSource(EVAL, "data.eval_dataset", data.eval_dataset, split, config, reading=reading))
    elif data.eval_split is not None:
        found.append(
            DataSource(EVAL, train.key, train.dataset, data.eval_split, config, reading=train.reading)
        )
    found += [
        DataSource(
            f"mix {number}",
            "data.mix",
            mixed.dataset,
            mixed.split,
            mixed.dataset_config_name,
            number=number,
            ratio=mixed.ratio,
            reading=reading,
        )
        for number, mixed in enumerate(data.mix, start=1)
    ]
    if data.general_eval_dataset is not None:
        general, split = data.general_eval_dataset, data.general_eval_split
        found.append(DataSource(GENERAL, "data.general_eval_dataset", general, split, reading=reading))
    found += [
        replace(source, name=f"{TRAIN} {place}", number=len(data.mix) + place - 1)
        for place, source in enumerate(others, start=2)
    ]
    return tuple(found)


def _own(data: DataSection) -> Iterator[DataSource]:
    """The sources of the preset's own rows, all under the name of the first."""
    several = data.train_dataset
    if isinstance(several, str):
        one = TrainSource(
            dataset=several,
            split=data.train_split,
            dataset_config_name=data.dataset_config_name,
            skip_rows=data.skip_rows,
        )
        several = [one]
    reading = reading_of(data)
    for source in several:
        yield DataSource(
            TRAIN,
            "data.train_dataset",
            source.dataset,
            source.split,
            source.dataset_config_name,
            number=0,
            skipped=frozenset(source.skip_rows),
            is_own=True,
            most=source.max_rows,
            weight=source.weight,
            reading=replace(reading, columns=source.columns or reading.columns),
        )


def reading_of(data: DataSection) -> Reading:
    """What the section says of the meaning of rows."""
    return Reading(
        columns=data.columns,
        drop=frozenset(data.drop_columns),
        takes_chosen=data.prefer == "chosen",
        merges_system=data.system == "merge_into_user",
        splits_text=data.text_rows == "chat",
        skips_bad=data.on_bad_rows == "skip",
        encoding=data.encoding,
    )


def own_places(data: DataSection) -> tuple[str, ...]:
    """The files or hub data sets the preset's own rows come from."""
    return tuple(source.dataset for source in own_sources(data))


def own_sources(data: DataSection) -> tuple[DataSource, ...]:
    """The sources of the preset's own rows, in the order they are named."""
    return tuple(source for source in data_sources(data) if source.is_own)


def source_named(data: DataSection, name: str) -> DataSource | None:
    """The source of that name; None where the preset has none."""
    return next((source for source in data_sources(data) if source.name == name), None)


def mixed_in(data: DataSection) -> tuple[DataSource, ...]:
    """The sources of general data that is blended into training."""
    return tuple(source for source in data_sources(data) if source.ratio)


def holds_out_own_rows(data: DataSection) -> bool:
    """Whether rows to evaluate on are split off the training rows, because none are named."""
    return source_named(data, EVAL) is None and data.eval_fraction > 0
