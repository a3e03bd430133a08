"""Every set of rows a preset names is in one list, and all code that looks at data goes by it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.check.xray import xray_key
from runner.insight.advice import forgetting_line, rows_to_train
from runner.insight.lint.rule import LintFacts
from runner.preset import files
from runner.preset.data_sources import data_sources, holds_out_own_rows, mixed_in, source_named
from runner.preset.schema import Preset
from runner.supervision.launch import missing_files
from runner.train.raw import texts
from tui.services.presets import card

EVERYTHING = (
    "data.train_dataset={0}/own.jsonl",
    "data.skip_rows=[2]",
    "data.eval_dataset={0}/eval.jsonl",
    "data.mix=[{{dataset: {0}/a.jsonl, ratio: 0.1}}, {{dataset: {0}/b.jsonl, ratio: 0.2}}]",
    "data.general_eval_dataset={0}/general.jsonl",
)


def preset_of(folder: Path, home: Path, *overrides: str) -> Preset:
    return files.load("demo", home, [text.format(folder) for text in overrides]).preset


def test_each_source_has_its_name_its_key_and_its_number(tmp_path: Path, home: Path) -> None:
    found = data_sources(preset_of(tmp_path, home, *EVERYTHING).data)
    assert [(one.name, one.key, Path(one.dataset).name, one.number, one.ratio) for one in found] == [
        ("train", "data.train_dataset", "own.jsonl", 0, 0.0),
        ("eval", "data.eval_dataset", "eval.jsonl", None, 0.0),
        ("mix 1", "data.mix", "a.jsonl", 1, 0.1),
        ("mix 2", "data.mix", "b.jsonl", 2, 0.2),
        ("general", "data.general_eval_dataset", "general.jsonl", None, 0.0),
    ]
    assert [one.skipped for one in found] == [{2}, set(), set(), set(), set()]


@pytest.mark.parametrize(
    ("overrides", "split", "holds_out", "evaluates", "words"),
    [
        (("data.eval_dataset=null",), None, True, True, "5 % split off"),
        (("data.eval_dataset=null", "data.eval_fraction=0"), None, False, False, "0 % split off"),
        (("data.eval_dataset=org/other",), "train", False, True, "org/other"),
        (("data.eval_dataset=org/other", "data.eval_split=test"), "test", False, True, "org/other"),
        # A split of the training rows' own data set: nothing is split off of what is trained on.
        (("data.eval_dataset=null", "data.eval_split=test"), "test", False, True, "split test"),
    ],
    ids=str,
)
def test_what_is_held_out_is_the_same_wherever_it_is_asked(
    tmp_path: Path,
    home: Path,
    overrides: tuple[str, ...],
    split: str | None,
    holds_out: bool,
    evaluates: bool,
    words: str,
) -> None:
    wanted = ("data.train_dataset=org/rows", "data.dataset_config_name=en", *overrides)
    loaded = files.load("demo", home, wanted)
    preset = loaded.preset
    named = source_named(preset.data, "eval")
    assert (named.split if named is not None else None) == split
    if named is not None:
        assert named.config == "en"
    assert holds_out_own_rows(preset.data) == holds_out
    assert LintFacts(preset).evaluates == evaluates
    assert rows_to_train(preset, None, 1000) == (950 if holds_out else 1000)
    files.dump(preset, tmp_path / "mine.yaml")
    assert dict(card("mine", tmp_path / "mine.yaml", False, home).lines)["Held out"] == words


def test_what_is_missing_is_named_with_its_key(tmp_path: Path, home: Path) -> None:
    preset = preset_of(tmp_path, home, *EVERYTHING)
    missing = missing_files(preset)
    for source, line in zip(data_sources(preset.data), missing, strict=True):
        assert line.startswith(f"{source.key}: {source.dataset} does not exist.")
    for source in data_sources(preset.data):
        Path(source.dataset).write_text('{"text": "x"}\n')
    assert missing_files(preset) == []
    # Evaluated on another split of the same file: it is missing once.
    again = preset_of(tmp_path, home, "data.train_dataset={0}/none.jsonl", "data.eval_dataset=null")
    split = again.data.model_copy(update={"eval_split": "test"})
    assert len(missing_files(again.model_copy(update={"data": split}))) == 1


@pytest.mark.parametrize("name", ["own", "eval", "a", "b", "general"])
def test_the_xray_is_another_when_any_of_them_changes(tmp_path: Path, home: Path, name: str) -> None:
    preset = preset_of(tmp_path, home, *EVERYTHING)
    for source in data_sources(preset.data):
        Path(source.dataset).write_text('{"text": "x"}\n')
    before = xray_key(preset)
    (tmp_path / f"{name}.jsonl").write_text('{"text": "x"}\n{"text": "y"}\n')
    assert xray_key(preset) != before


def test_rows_are_found_again_by_the_number_of_their_source(tmp_path: Path, home: Path) -> None:
    preset = preset_of(tmp_path, home, *EVERYTHING)
    for source in data_sources(preset.data):
        Path(source.dataset).write_text("".join(f'{{"text": "{source.name} {n}"}}\n' for n in (1, 2)))
    found = texts(preset, [[0, 2], [1, 1], [2, 2], [3, 1]])
    assert {name: json.loads(text)["text"] for name, text in found.items()} == {
        "0:2": "train 2",
        "1:1": "mix 1 1",
        "2:2": "mix 2 2",
    }


def test_what_is_done_against_forgetting(tmp_path: Path, home: Path) -> None:
    preset = preset_of(tmp_path, home, *EVERYTHING)
    assert [source.name for source in mixed_in(preset.data)] == ["mix 1", "mix 2"]
    assert forgetting_line(preset).value == "30 % general data mixed in, evaluated apart"
    assert forgetting_line(preset_of(tmp_path, home, *EVERYTHING[:3], EVERYTHING[4])).value.startswith(
        "general rows evaluated"
    )
    assert forgetting_line(preset_of(tmp_path, home, *EVERYTHING[:3])).value.startswith("no general data")
