"""Data sets as configs of other tools name them, as sources of rows here; each key of each entry is answered."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from runner.configs.line import Line
from runner.configs.meaning import Fate, meaning
from runner.configs.places import dataset_info, placed
from runner.preset.data_sections import TrainSource
from runner.preset.other_tools.answers import answer_in_entry, as_written
from runner.preset.other_tools.data_keys import ENTRY
from runner.preset.other_tools.llamafactory import COLUMNS, LLAMA_FACTORY
from runner.preset.other_tools.sources import BUILDERS
from runner.preset.other_tools.tool import Tool
from runner.preset.section import KeyPath

TRAIN, HELD_OUT = "data.train_dataset", "data.eval_dataset"
_FORMATS = frozenset(BUILDERS.values())
# Prompt strategies that come with Axolotl, and may be followed by `.kind`.
_STRATEGIES = frozenset(
    [
        "chat_template",
        "alpaca",
        "alpaca_w_system",
        "llama2",
        "llama3",
        "chatml",
        "zephyr",
        "completion",
        "pretrain",
        "input_output",
        "user_defined",
        "bradley_terry",
        "sharegpt",
        "stepwise_supervised",
        "passthrough",
        "oasst",
        "jeopardy",
        "context_qa",
        "creative_acr",
        "summarizetldr",
        "gpteacher",
        "explainchoice",
        "concisechoice",
        "reflection",
        "orpo",
        "metharme",
        "pygmalion",
        "alpaca_chat",
        "messages",
    ]
)
_STRATEGY = re.compile(r"[a-z0-9_]+(?::[a-z0-9_]+)?(?:\.[a-z0-9_]+)?")

Source = dict[str, Any]


class Rows:
    """Reads the data sets of one config. `lines` has the line of each key of the file."""

    def __init__(self, tool: Tool, folder: Path, lines: Mapping[KeyPath, int]) -> None:
        self._tool, self._folder, self._lines = tool, folder, lines
        self.said: list[Line] = []
        self.dataset_dir = "data"
        # The line of what is read where its keys have none of their own: in a call of a script.
        self.line = 0

    def sources(self, path: KeyPath, value: Any, listed: str) -> list[Source]:
        """The sources that a key names; what is to be said of the keys inside goes into `said`."""
        if isinstance(value, str):
            return list(self._named(path, value))
        if isinstance(value, Mapping):
            return self._of_mapping(path, value, listed)
        found: list[Source] = []
        for place, entry in enumerate(value if isinstance(value, list) else ()):
            if isinstance(entry, Mapping):
                found += self.entry((*path, str(place)), entry, listed)
            elif isinstance(entry, str):
                found += self._named(path, entry)
        return found

    def _named(self, path: KeyPath, text: str) -> Iterator[Source]:
        if self._tool is not LLAMA_FACTORY:
            yield {"dataset": placed(text, self._folder)}
            return
        where, known = dataset_info(self._folder, self.dataset_dir)
        for name in (part.strip() for part in text.split(",")):
            entry = known.get(name)
            if where is not None and isinstance(entry, Mapping):
                yield from self._described(path, name, entry, where.parent)
            elif name:
                listed = (
                    f"{where} does not list it"
                    if where
                    else f"there is no {self.dataset_dir}/dataset_info.json"
                )
                self._say(path, name, Fate.UNKNOWN, f"{listed}. Set data.train_dataset to its file.")

    def _described(
        self, path: KeyPath, name: str, entry: Mapping[str, Any], folder: Path
    ) -> Iterator[Source]:
        """An entry of dataset_info.json; its paths are relative to that file."""
        if "script_url" in entry:
            self._say(path, name, Fate.CODE, "Its rows come from a script; nothing of a config is run.")
            return
        place = entry.get("file_name") or entry.get("hf_hub_url")
        if not isinstance(place, str):
            self._say(path, name, Fate.NO_COUNTERPART, "It is neither a file nor on the Hugging Face hub.")
            return
        local = str((folder / place).resolve()) if "file_name" in entry else place
        source: Source = {"dataset": local}
        taken = {"subset": "dataset_config_name", "split": "split", "num_samples": "max_rows"}
        source |= {ours: entry[theirs] for theirs, ours in taken.items() if entry.get(theirs)}
        columns = entry.get("columns")
        if isinstance(columns, Mapping):
            named = {COLUMNS[key]: str(column) for key, column in columns.items() if key in COLUMNS}
            source["columns"] = {ours: theirs for ours, theirs in named.items() if ours != theirs}
        self._say(path, name, Fate.UNDERSTOOD, f"{local}, as dataset_info.json says")
        yield source

    def _of_mapping(self, path: KeyPath, value: Mapping[str, Any], listed: str) -> list[Source]:
        """{name: share} as `dataset_mixer` has it, {datasets: [...], seed: 0}, or one entry."""
        if isinstance(value.get("datasets"), list):
            return self.sources((*path, "datasets"), value["datasets"], listed)
        if value and all(isinstance(share, int | float) for share in value.values()):
            return [
                {"dataset": placed(str(name), self._folder), "weight": float(share)}
                for name, share in value.items()
                if share > 0
            ]
        return self.entry(path, value, listed)

    def entry(self, path: KeyPath, given: Mapping[str, Any], listed: str) -> list[Source]:
        """The sources of one entry of a list: several where it names several files."""
        source: Source = {}
        files: list[str] = []
        for key, value in given.items():
            plain = as_written(str(key))
            at = (*path, str(key))
            if plain == "data_files":
                files = self._files(at, value, given)
            elif plain in ("type", "ds_type", "trust_remote_code"):
                self._kind(at, plain, value)
            elif (ours := _ours(plain)) is not None and value is not None:
                self._take(at, source, ours, value)
            elif plain == "columns" and isinstance(value, Mapping):
                source["columns"] = {
                    **source.get("columns", {}),
                    **{str(a): str(b) for a, b in value.items()},
                }
                self._say(at, value, Fate.UNDERSTOOD, "columns of this source")
            else:
                self._of_shape(at, source, plain, value, listed)
        if files:
            return [{**source, "dataset": placed(name, self._folder)} for name in files]
        if not isinstance(source.get("dataset"), str):
            return []
        return [{**source, "dataset": placed(source["dataset"], self._folder)}]

    def _take(self, at: KeyPath, source: Source, ours: str, value: Any) -> None:
        if ours == "dataset" and isinstance(value, str) and value in _FORMATS:
            self._say(at, value, Fate.BY_ITSELF, "formats of files are recognised")
        elif ours == "dataset" and not isinstance(value, str):
            self._say(at, value, Fate.UNKNOWN, "A path or a name on the hub is expected.")
        elif problem := _source_problem(ours, value):
            self._say(at, value, Fate.NO_COUNTERPART, problem)
        else:
            source[ours] = float(value) if ours == "weight" else value
            self._say(at, value, Fate.UNDERSTOOD, f"{ours} of this source")

    def _files(self, at: KeyPath, value: Any, given: Mapping[str, Any]) -> list[str]:
        place = str(given.get("path", "json"))
        if place not in _FORMATS and not place.startswith((".", "/", "~")):
            self._say(at, value, Fate.NO_COUNTERPART, "A data set of the hub is read whole, by its split.")
            return []
        if isinstance(value, Mapping):
            value = value.get("train") or next(iter(value.values()), None)
        names = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        names = [name for name in names if isinstance(name, str)]
        fate = Fate.UNDERSTOOD if names else Fate.UNKNOWN
        self._say(
            at, value, fate, "files of this source" if names else "A file, or a list of files is expected."
        )
        return names

    def _kind(self, at: KeyPath, key: str, value: Any) -> None:
        """What an entry says of the shape of its rows: a name that comes with the tool, or one of code."""
        text = str(value)
        head = re.split(r"[:.]", text)[0]
        if key == "trust_remote_code":
            fate = Fate.CODE if value else Fate.BY_ITSELF
            self._say(at, value, fate, "code that comes with a data set is never run")
        elif (key == "type" and isinstance(value, str) and "." in text and head not in _STRATEGIES) or (
            key == "type" and isinstance(value, str) and not _STRATEGY.fullmatch(text)
        ):
            self._say(at, value, Fate.CODE, "Nothing is run from a config. The rows are read as they are.")
        elif isinstance(value, Mapping):
            self._say(
                at, value, Fate.NO_COUNTERPART, "Rows are read as they are; name columns in data.columns."
            )
        else:
            self._say(at, value, Fate.BY_ITSELF, "shapes of rows are recognised")

    def _of_shape(self, at: KeyPath, source: Source, key: str, value: Any, listed: str) -> None:
        if key == "columns" and isinstance(value, list):
            self._say(
                at, value, Fate.BY_ITSELF, "shapes of rows are recognised, other columns are passed over"
            )
            return
        found = meaning(self._tool, "data", key, value)
        columns = found.settings.get("data.columns")
        if isinstance(columns, Mapping):
            source["columns"] = {**source.get("columns", {}), **{a: b for a, b in columns.items() if a != b}}
            self._say(at, value, Fate.UNDERSTOOD, "columns of this source")
            return
        said = answer_in_entry(key, value, listed, TrainSource.model_fields)
        if said.startswith("Leave it out"):
            self._say(at, value, Fate.BY_ITSELF, said.partition("(")[2].rstrip(").") or said)
        elif value is None:
            self._say(at, value, Fate.UNSET, "Its default holds.")
        elif found.fate is Fate.UNDERSTOOD or said:
            fate = Fate.BY_ITSELF if found.fate is Fate.BY_ITSELF else Fate.NO_COUNTERPART
            self._say(at, value, fate, found.words or said)
        else:
            self._say(at, value, found.fate, found.words)

    def _say(self, path: KeyPath, value: Any, fate: Fate, words: str) -> None:
        number = next(
            (self._lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self._lines),
            self.line,
        )
        self.said.append(Line(number, ".".join(path), value, fate, {}, words))


def _ours(key: str) -> str | None:
    """The key of an entry of ours that is meant: dataset, split, weight …"""
    for names, (ours, _) in ENTRY.items():
        if key in names.split():
            return next((name for name in ours if name in TrainSource.model_fields), None)
    return None


def _source_problem(ours: str, value: Any) -> str:
    if ours == "weight":
        fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 100
        return "" if fits else "The weight of a source is a number above 0 to 100."
    if ours == "max_rows":
        return "" if isinstance(value, int) and value >= 1 else "It is a count of rows from 1."
    return "" if isinstance(value, str) else "A name is expected."
