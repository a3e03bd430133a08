"""Public configs of other tools, tests/data/configs: every key is answered, and what comes of them is a preset."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from runner.configs.drafted import draft_of
from runner.configs.meaning import Fate
from runner.configs.proposal import Proposal, propose
from runner.configs.script import calls_of
from runner.preset import files

CONFIGS = Path(__file__).parents[1] / "data" / "configs"
EVERY = sorted(path for path in CONFIGS.rglob("*") if path.suffix in (".yaml", ".py"))
TOOLS = {"scripts": "script"}


def ids(path: Path) -> str:
    return str(path.relative_to(CONFIGS))


@pytest.fixture(scope="module")
def read() -> Mapping[Path, Proposal]:
    return {path: propose(path) for path in EVERY}


def test_there_are_enough_of_every_tool_and_each_has_a_source() -> None:
    assert len(EVERY) >= 30
    assert {path.parent.name for path in EVERY} == {"axolotl", "llamafactory", "trl", "unsloth", "scripts"}
    listed = {row.split()[0] for row in (CONFIGS / "SOURCES").read_text().splitlines()[2:]}
    kept = {ids(path) for path in CONFIGS.rglob("*") if path.is_file() and path.name != "SOURCES"}
    assert listed == kept


@pytest.mark.parametrize("path", EVERY, ids=ids)
def test_its_tool_is_told_by_its_keys(path: Path, read: Mapping[Path, Proposal]) -> None:
    recognised = read[path].recognised
    assert recognised.tool.name == TOOLS.get(path.parent.name, path.parent.name)
    assert recognised.why.startswith("its ")


@pytest.mark.parametrize("path", EVERY, ids=ids)
def test_every_key_is_answered_with_its_line(path: Path, read: Mapping[Path, Proposal]) -> None:
    text = path.read_text().splitlines()
    said = {line.key: line for line in read[path].lines if line.is_in_file}
    for key in _keys(path):
        answers = [line for name, line in said.items() if name == key or name.startswith(f"{key}.")]
        assert answers, key
        for line in answers:
            assert line.becomes or line.fate is Fate.UNDERSTOOD, key
            last = line.key.rpartition(".")[2]
            assert path.suffix == ".py" or last.isdigit() or last in text[line.number - 1], (key, line)


@pytest.mark.parametrize("path", EVERY, ids=ids)
def test_no_key_of_it_is_unknown(path: Path, read: Mapping[Path, Proposal]) -> None:
    assert [line.key for line in read[path].lines if line.fate is Fate.UNKNOWN] == []


@pytest.mark.parametrize("path", EVERY, ids=ids)
def test_what_comes_of_it_is_a_preset(path: Path, read: Mapping[Path, Proposal], home: Path) -> None:
    saved = draft_of(read[path], home, None).save()
    preset = files.load(saved.stem, home).preset
    values = json.loads(preset.model_dump_json())
    for name, value in read[path].settings.items():
        section, _, key = name.partition(".")
        written = values[section][key]
        if name == "data.train_dataset" and isinstance(value, list):
            written = [{key: one[key] for key in given} for one, given in zip(written, value, strict=True)]
        assert written == value, name


def _keys(path: Path) -> Iterator[str]:
    """The keys of a file as lines name them: those of sections and of data sets with what they are in."""
    if path.suffix == ".py":
        for call in calls_of(path.read_text(), path):
            known = {"trainer", "model"} if call.name.endswith("get_peft_model") else set()
            names = {name for name, _, _ in call.arguments if name not in known}
            yield from (f"{call.name}.{name}" for name in names if call.name != "load_dataset")
            yield from (f"load_dataset.{name}" for name in names if call.name == "load_dataset")
        return
    from ruamel.yaml import YAML

    yield from _inside(YAML(typ="safe").load(path.read_text()), "")


def _inside(tree: Mapping[str, Any], above: str) -> Iterator[str]:
    for key, value in tree.items():
        name = f"{above}{key}"
        yield name
        if key in ("training", "lora", "data", "logging", "dataset_mixture"):
            yield from _inside(value, f"{name}.")
        elif key in ("datasets", "test_datasets"):
            for place, entry in enumerate(value):
                yield from (f"{name}.{place}.{inner}" for inner in entry)
