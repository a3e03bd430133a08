"""Rows as other tools name them: one source or several, a file by its format, a data set of the hub by its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from runner.preset.other_tools.tool import Settings

# What `load_dataset` calls the formats of files.
BUILDERS = {
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".txt": "text",
    ".md": "text",
}
# Settings that say which rows are trained on.
TRAINED_ON = ("data.train_dataset", "data.train_split", "data.dataset_config_name", "data.columns")


def builder(dataset: str) -> str:
    """'json' for a file of JSON rows, packed or not; '' for a name on the hub."""
    if not dataset.startswith("/"):
        return ""
    return next((BUILDERS[end] for end in reversed(PurePath(dataset).suffixes) if end in BUILDERS), "json")


def named_columns(settings: Settings) -> set[str]:
    """The columns, under our names, that any source of training rows has under another."""
    return {ours for source in own_sources(settings) for ours in source["columns"]}


def own_sources(settings: Settings) -> Iterator[Mapping[str, Any]]:
    """The sources of training rows, each with dataset, split, dataset_config_name and columns."""
    several = settings["data.train_dataset"]
    if isinstance(several, str):
        several = [
            {
                "dataset": several,
                "split": settings["data.train_split"],
                "dataset_config_name": settings["data.dataset_config_name"],
            }
        ]
    for source in several:
        columns = source.get("columns") or settings["data.columns"]
        yield {"split": "train", "dataset_config_name": None, **source, "columns": columns}
