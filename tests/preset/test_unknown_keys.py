"""Files of other tools as presets: each key is answered at its line, and nothing is said twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from runner.preset import document, files
from runner.preset.errors import PresetError, Problem
from runner.preset.schema import SECTIONS
from tests.conftest import ROOT
from tests.preset.other_tools_cases import FLAT, NESTED
from tui.cli import cli

SETTINGS = ROOT / "tests" / "data" / "settings"
CASES = [
    (name, key, says)
    for name, cases in (("foreign-keys-flat", FLAT), ("foreign-keys-nested", NESTED))
    for key, says in cases.items()
]
LINE = 80


def problems(path: Path, home: Path, *overrides: str) -> list[Problem]:
    with pytest.raises(PresetError) as caught:
        files.load(str(path), home, overrides)
    return list(caught.value.problems)


def said(tmp_path: Path, home: Path, text: str) -> list[str]:
    path = tmp_path / "p.yaml"
    path.write_text(text, encoding="utf-8")
    return [str(problem).removeprefix(f"{path}:") for problem in problems(path, home)]


@pytest.mark.parametrize(("name", "key", "says"), CASES)
def test_each_key_of_a_file_of_another_tool_is_answered(name: str, key: str, says: str, home: Path) -> None:
    (problem,) = (one for one in problems(SETTINGS / f"{name}.yaml", home) if one.key == key)
    assert says in problem.what
    assert "Did you mean" not in problem.what


@pytest.mark.parametrize(("name", "cases"), [("foreign-keys-flat", FLAT), ("foreign-keys-nested", NESTED)])
def test_each_key_has_its_line_and_all_keys_are_there(name: str, cases: dict[str, str], home: Path) -> None:
    path = SETTINGS / f"{name}.yaml"
    lines = {".".join(key): line + 1 for key, line in document.lines(document.parse(path))}
    found = problems(path, home)
    assert {one.key: one.where for one in found} == {key: f"{path}:{lines[key]}" for key in cases}
    assert len(found) == len(cases)
    allowed = {"extends", "train.max_steps", "train.max_grad_norm", "data.train_dataset", *SECTIONS}
    assert set(lines) - set(cases) <= allowed | {
        "data.columns",
        "data.columns.prompt",
        "model.special_tokens.pad_token",
    }


@pytest.mark.parametrize("name", ["foreign-keys-flat", "foreign-keys-nested"])
def test_each_answer_of_the_command_line_fits_two_lines(name: str) -> None:
    path = SETTINGS / f"{name}.yaml"
    done = CliRunner().invoke(cli, ["check", str(path)])
    assert done.exit_code == 1
    answers = done.output.strip().removeprefix("Error: ").split("\n")
    assert len(answers) >= 22
    for answer in answers:
        assert answer.startswith(f"{path}:")
        assert len(answer.removeprefix(f"{path}:")) <= 2 * LINE


def test_a_list_of_data_sets_is_answered_entry_by_entry(tmp_path: Path, home: Path) -> None:
    text = (
        "datasets:\n- path: ./a.jsonl\n  type: chat_template\n  nonsense: 1\n- path: ./b.jsonl\n"
        "base_model: org/model\n"
    )
    first, *entries, last = said(tmp_path, home, text)
    assert first.startswith("1: datasets: there is no such key. It is called data.train_dataset here.")
    assert [entry.split(": It is")[0].split(": Leave")[0] for entry in entries] == [
        "2: datasets: entry 1, path",
        "3: datasets: entry 1, type",
        "5: datasets: entry 2, path",
    ]
    assert last == "6: base_model: there is no such key. It is called model.model_name_or_path here."


def test_every_wrong_key_of_an_entry_of_a_mix_is_answered(tmp_path: Path, home: Path) -> None:
    text = (
        "extends: demo\ndata:\n  mix:\n  - path: ./a.jsonl\n    weight: 0.1\n    splitt: x\n"
        "  - dataset: ./b.jsonl\n    ratio: 2\n  - dataset: ./c.jsonl\n"
    )
    assert said(tmp_path, home, text) == [
        "4: data.mix: entry 1 has no key path. It is called dataset here.",
        "5: data.mix: entry 1 has no key weight. It is called ratio here.",
        "6: data.mix: entry 1 has no key splitt. Did you mean split?",
        "8: data.mix: entry 2: ratio: 2 is not allowed: a number above 0 below 1",
        "3: data.mix: entry 3: ratio is required and not set",
    ]


def test_a_whole_section_of_another_tool_is_answered_key_by_key(tmp_path: Path, home: Path) -> None:
    text = (
        "extends: demo\ntraining_args:\n  learning_rate: 1e-4\n  warmup_ratio: 0.1\n  optim: adamw_hf\n  lora_r: 8\n"
        "model:\n  model_init_kwargs: {torch_dtype: bf16, revision: main}\n"
    )
    found = said(tmp_path, home, text)
    assert set(found) == {
        "2: training_args: there is no section of this name. It is called train here.",
        "4: training_args.warmup_ratio: there is no such key. It is called train.warmup_steps here. Below 1 it is a "
        "share of all steps, else a count.",
        "5: training_args.optim: 'adamw_hf' is not allowed: write adamw_torch_fused, the usual AdamW",
        "6: training_args.lora_r: there is no such key. It is called lora.r here.",
        "8: model.model_init_kwargs: there is no section of this name. It is called model here.",
        "8: model.model_init_kwargs.torch_dtype: there is no such key. It is called model.dtype here. Write bfloat16.",
    }


def test_what_a_key_of_another_tool_stands_for_is_not_missing(tmp_path: Path, home: Path) -> None:
    assert [
        one for one in said(tmp_path, home, "base_model: a/b\ntrain_file: x.jsonl\n") if "required" in one
    ] == []
    assert said(tmp_path, home, "base_model: a/b\n")[1:] == [" data: is required and not set"]


def test_a_section_that_is_one_value_says_what_key_it_may_be_meant_for(tmp_path: Path, home: Path) -> None:
    (problem,) = said(tmp_path, home, "extends: demo\ndata: ./rows.jsonl\n")
    assert problem == (
        "2: data: './rows.jsonl' is not a section; give it keys of its own, indented (data.train_dataset, say)"
    )


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("lr=1e-4", "--set: lr: there is no such key. It is called train.learning_rate here."),
        (
            "learning_rate=1",
            "--set: learning_rate: there is no section of this name. It belongs under train.",
        ),
        (
            "train.max-seq-length=1",
            "--set: train.max-seq-length: there is no such key. It is called train.max_length",
        ),
        ("eval.batch_size=2", "It is called eval.per_device_eval_batch_size here."),
        (
            "optimizer=adamw_bnb_8bit",
            "It is called train.optim here. Write adamw_8bit, the same under another name.",
        ),
        ("report_to=wandb", "It belongs under report. Write a list: [wandb]."),
        ("eval_steps=0.1", "It belongs under eval. Write a whole number of steps, or auto;"),
        ("training.lr=1", "--set: training.lr: there is no such key. It is called train.learning_rate here."),
        ("nonsense=1", "--set: nonsense=1: write it as section.key=value"),
    ],
)
def test_set_is_answered_like_a_file(override: str, says: str, home: Path) -> None:
    with pytest.raises(PresetError) as caught:
        files.load("demo", home, (override,))
    assert says in str(caught.value)
    assert "presets/demo.yaml" not in str(caught.value)


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("lr=1", "It is called train.learning_rate here."),
        ("train.lora_r=8", "It is called lora.r here."),
        ("lora.adapter=qlora", "Write lora.use_peft: true and quantization.load_in_4bit: true here."),
        ("train.lerning_rate=1", "Did you mean train.learning_rate?"),
        ("trian.lr=1", "there is no such setting."),
    ],
)
def test_new_presets_are_answered_alike(override: str, says: str, home: Path) -> None:
    done = CliRunner().invoke(cli, ["presets", "new", "mine", "--from", "demo", "--set", override])
    assert done.exit_code == 1
    assert says in done.output
