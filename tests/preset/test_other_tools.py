"""Keys and values of other tools: each is answered with what it is here, by a table that says what must be said."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

import pytest
from peft import LoraConfig
from transformers import TrainingArguments
from trl import ModelConfig, ScriptArguments, SFTConfig

from runner.preset.data_sections import MixSource, TrainSource
from runner.preset.other_tools.answers import (
    SECTIONS_ELSEWHERE,
    answer,
    answer_in_entry,
    by_value,
    instead,
    keys,
)
from runner.preset.other_tools.data_keys import ENTRY, ENTRY_ITSELF
from runner.preset.other_tools.said import Kind, Said
from runner.preset.other_tools.values import INSTEAD, LISTS, SHARES
from runner.preset.schema import SECTIONS, section_type
from runner.preset.unknown_keys import what_is_unknown
from tests.preset.other_tools_cases import BY_ITSELF, BY_VALUE, CALLED, UNSUPPORTED

LINE = 80


def is_setting(name: str) -> bool:
    section, _, key = name.partition(".")
    return section in SECTIONS and key in section_type(section).model_fields


def all_said() -> Iterator[tuple[str, Said]]:
    yield from keys().items()
    yield from ((f"{name}: {value}", said) for (name, value), said in by_value().items())


def words(text: str) -> list[str]:
    return text.split()


def test_the_table_is_a_table() -> None:
    names = [name for names in (*CALLED.values(), BY_ITSELF, UNSUPPORTED) for name in words(names)]
    assert len(names) == len(set(names))
    assert len(names) >= 150


@pytest.mark.parametrize(
    ("theirs", "ours"), [(name, ours) for ours, names in CALLED.items() for name in words(names)]
)
def test_a_counterpart_is_named(theirs: str, ours: str) -> None:
    said = answer("", theirs, "x")
    assert said is not None
    assert (said.kind, said.ours.split(":")[0]) == (Kind.CALLED, ours)
    assert f"called {ours} here" in said.sentence or f"Write {ours}: " in said.sentence


@pytest.mark.parametrize("theirs", words(BY_ITSELF))
def test_what_is_done_anyway_can_be_left_out(theirs: str) -> None:
    said = keys()[theirs]
    assert said.kind is Kind.BY_ITSELF
    assert re.fullmatch(r"leave it out: ftui does this by itself \([^()]+\)\.", said.sentence)


@pytest.mark.parametrize("theirs", words(UNSUPPORTED))
def test_what_is_not_supported_is_said_with_a_way_out_or_a_reason(theirs: str) -> None:
    said = keys()[theirs]
    assert said.kind is Kind.UNSUPPORTED
    assert re.fullmatch(r"is not supported here\. .+", said.sentence)


@pytest.mark.parametrize(("theirs", "value", "kind", "ours"), BY_VALUE)
def test_a_value_can_decide_the_answer(theirs: str, value: object, kind: Kind, ours: str) -> None:
    said = answer("", theirs, value)
    assert said is not None
    assert (said.kind, said.ours) == (kind, ours)


def test_every_counterpart_is_a_setting() -> None:
    named = {name for _, said in all_said() for name in said.named if name.partition(".")[0] in SECTIONS}
    named |= {said.ours for said in keys().values() if said.kind is Kind.CALLED and ":" not in said.ours}
    named |= {ours for _, without in ENTRY.values() for ours in without.values()}
    named |= {*INSTEAD, *LISTS, *SHARES}
    assert {name for name in named if not is_setting(name)} == set(SECTIONS) & named
    assert {name for names, _ in ENTRY.values() for name in names} <= set(MixSource.model_fields) | set(
        TrainSource.model_fields
    )


def test_what_is_to_be_written_for_a_key_is_allowed() -> None:
    written = re.compile(r"([a-z]+)\.([a-z0-9_]+): (\S+)")
    for name, said in all_said():
        for section, key, value in written.findall(said.ours):
            schema = section_type(section).model_json_schema()["properties"][key]
            choices = [item for part in (schema, *schema.get("anyOf", ())) for item in part.get("enum", ())]
            choices += [part["const"] for part in (schema, *schema.get("anyOf", ())) if "const" in part]
            assert not choices or value.rstrip(",") in choices, name


def test_what_is_to_be_written_for_a_value_is_allowed() -> None:
    for setting, values in INSTEAD.items():
        section, key = setting.split(".")
        schema = section_type(section).model_json_schema()["properties"][key]
        for ours in values.values():
            if "enum" in schema:
                assert re.split(r"[, ]", ours)[0] in schema["enum"], (setting, ours)


def test_no_value_that_is_answered_is_allowed() -> None:
    for setting, values in INSTEAD.items():
        section, key = setting.split(".")
        schema = section_type(section).model_json_schema()["properties"][key]
        for theirs in values:
            assert set(words(theirs)).isdisjoint(schema.get("enum", ())), setting


def test_no_name_of_another_tool_is_one_of_ours() -> None:
    """A name that stands for its section alone ('eval.batch_size') is not in that section; all others are nowhere."""
    ours = {key for name in SECTIONS for key in section_type(name).model_fields}
    for name in keys():
        section, dot, _ = name.rpartition(".")
        # `system: You are a helper.` asks for something else than data.system.
        assert not is_setting(name) if dot else name not in ours | set(SECTIONS) or name == "system", name
        assert not dot or section in SECTIONS
    for names in (*ENTRY, *ENTRY_ITSELF):
        assert not set(words(names)) & (
            set(MixSource.model_fields) - {"ratio", "split", "dataset_config_name"}
        )


def test_what_depends_on_a_value_is_known_without_it() -> None:
    assert {name for name, _ in by_value()} <= set(keys())


def test_every_name_stands_once() -> None:
    from runner.preset.other_tools import data_keys, lora_keys, model_keys, run_keys, train_keys

    every = [
        name
        for theme in (data_keys, lora_keys, model_keys, run_keys, train_keys)
        for names in theme.KEYS
        for name in words(names)
    ]
    assert {name for name in every if every.count(name) > 1} == set()


@pytest.mark.parametrize(
    "arguments", [TrainingArguments, SFTConfig, ModelConfig, ScriptArguments, LoraConfig]
)
def test_every_setting_of_the_training_stack_is_answered(arguments: type) -> None:
    ours = {key for name in SECTIONS for key in section_type(name).model_fields}
    theirs = {field.name for field in dataclasses.fields(arguments)}
    assert {name for name in theirs if name not in ours and answer("", name, None) is None} == set()


@pytest.mark.parametrize("section", ["", *SECTIONS])
def test_a_close_spelling_never_wins_over_a_known_name(section: str) -> None:
    for name, said in keys().items():
        if "." in name:
            continue
        what = what_is_unknown((section, name) if section else (name,), "x")
        assert "Did you mean" not in what, name
        assert said.kind is not Kind.CALLED or "here" in what


def test_names_are_known_as_the_command_line_of_others_writes_them() -> None:
    for name in ("--max-seq-length", "max-seq-length", "Max_Seq_Length"):
        said = answer("train", name, 1)
        assert said is not None
        assert said.ours == "train.max_length"


def test_every_answer_fits_two_lines_with_where_it_is() -> None:
    longest = max((f"{name}." for name in SECTIONS if name != "quantization"), key=len)
    for name, said in all_said():
        theirs = name.split(":")[0]
        where = theirs if "." in theirs else f"{longest}{theirs}"
        assert len(f"Error: --set: {where}: {said.sentence}") <= 2 * LINE, name
        assert "\n" not in said.sentence
        assert said.sentence.endswith((".", "…")), name


@pytest.mark.parametrize(
    ("key", "listed", "known", "says"),
    [
        ("path", "data.mix", MixSource.model_fields, "It is called dataset here."),
        ("weight", "data.mix", MixSource.model_fields, "It is called ratio here."),
        ("num_samples", "data.mix", MixSource.model_fields, "It has no counterpart in an entry."),
        (
            "ratio",
            "data.train_dataset",
            ("dataset", "split", "max_rows", "weight"),
            "It is called weight here.",
        ),
        ("num_samples", "data.train_dataset", ("dataset", "max_rows"), "It is called max_rows here."),
        ("path", "data.eval_dataset", (), "It is called data.eval_dataset here."),
        ("split", "data.eval_dataset", (), "It is called data.eval_split here."),
        (
            "type",
            "data.train_dataset",
            (),
            "Leave it out: ftui does this by itself (shapes of rows are recognised).",
        ),
        (
            "shards",
            "data.train_dataset",
            (),
            "Is not supported here. Rows are read whole, from a file or the hub.",
        ),
        ("nonsense", "data.train_dataset", (), ""),
    ],
)
def test_keys_of_an_entry_of_a_list_of_data_sets(
    key: str, listed: str, known: tuple[str, ...], says: str
) -> None:
    assert answer_in_entry(key, None, listed, known) == says


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("train.optim", "adamw_bnb_8bit", "write adamw_8bit, the same under another name"),
        ("train.optim", "adamw_8bit", ""),
        ("train.lr_scheduler_type", "cosine_with_min_lr", "write cosine, the nearest; it falls to zero"),
        ("lora.target_modules", "all", "write all-linear"),
        ("lora.target_modules", "q_proj, v_proj", "write a list: [q_proj, v_proj]"),
        ("report.report_to", "wandb", "write a list: [wandb]"),
        ("report.report_to", "none", "write [], which is no tracker"),
        ("eval.eval_steps", 0.1, "write a whole number of steps, or auto; shares of a run are not counted"),
        ("eval.eval_steps", -1, ""),
    ],
)
def test_what_to_write_instead_of_a_value(setting: str, value: object, says: str) -> None:
    assert instead(setting, value) == says


def test_sections_of_other_tools_are_sections_here() -> None:
    assert set(SECTIONS_ELSEWHERE.values()) <= set(SECTIONS)
    assert set(SECTIONS_ELSEWHERE).isdisjoint(SECTIONS)
