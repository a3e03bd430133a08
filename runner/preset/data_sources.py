"""Every set of rows a preset names, in one list: what must exist, is read and is examined follows from it.
What they are for is said by runner/insight/division.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from runner.preset.data_sections import DataSection

TRAIN, EVAL, GENERAL = "train", "eval", "general"


@dataclass(frozen=True)
class DataSource:
    """A file or a split of a hub data set. `name` is train, eval, general, or 'mix 1', 'mix 2' …; `key` is the setting
    that names `dataset`: a path that begins with /, or a name on the hub.

    `number` stands for it in rows.jsonl: 0 for the preset's own rows, then those of data.mix; None for rows that are
    only evaluated. `ratio` is the share of all training rows that a source of data.mix has. `skipped` are the rows that
    are left out, by their number from 1.
    """

    name: str
    key: str
    dataset: str
    split: str = "train"
    config: str | None = None
    number: int | None = None
    ratio: float = 0.0
    skipped: frozenset[int] = frozenset()

    @property
    def is_local(self) -> bool:
        return self.dataset.startswith("/")


def data_sources(data: DataSection) -> tuple[DataSource, ...]:
    """The training rows, the held-out rows where any are named, those of data.mix, and those of general ability."""
    config = data.dataset_config_name
    train = DataSource(
        TRAIN,
        "data.train_dataset",
        data.train_dataset,
        data.train_split,
        config,
        number=0,
        skipped=frozenset(data.skip_rows),
    )
    found = [train]
    if data.eval_dataset is not None:
        found.append(
            DataSource(EVAL, "data.eval_dataset", data.eval_dataset, data.eval_split or "train", config)
        )
    elif data.eval_split is not None:
        found.append(DataSource(EVAL, train.key, train.dataset, data.eval_split, config))
    found += [
        DataSource(
            f"mix {number}",
            "data.mix",
            mixed.dataset,
            mixed.split,
            mixed.dataset_config_name,
            number=number,
            ratio=mixed.ratio,
        )
        for number, mixed in enumerate(data.mix, start=1)
    ]
    if data.general_eval_dataset is not None:
        found.append(
            DataSource(
                GENERAL, "data.general_eval_dataset", data.general_eval_dataset, data.general_eval_split
            )
        )
    return tuple(found)


def source_named(data: DataSection, name: str) -> DataSource | None:
    """The source of that name; None where the preset has none."""
    return next((source for source in data_sources(data) if source.name == name), None)


def mixed_in(data: DataSection) -> tuple[DataSource, ...]:
    """The sources of general data that is blended into training."""
    return tuple(source for source in data_sources(data) if source.ratio)


def holds_out_own_rows(data: DataSection) -> bool:
    """Whether rows to evaluate on are split off the training rows, because none are named."""
    return source_named(data, EVAL) is None and data.eval_fraction > 0
