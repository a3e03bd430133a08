"""`ftui check` and `ftui presets new|show|diff|schema`: text, JSON, exit codes, and errors of two lines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML

from runner.check import xray
from runner.preset import files
from tests.stub_nvml import StubNvml
from tests.tui.conftest import HEALTHY, OVERFIT
from tui.cli import cli


def ftui(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def error_of(done: Result, lines: int = 2) -> str:
    """The words of an error a user can mend: few lines, no traceback."""
    assert done.exit_code == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert isinstance(done.exception, SystemExit)
    assert len(done.stderr.splitlines()) <= lines
    assert done.stderr.startswith("Error: ")
    return done.stderr


def as_json(*arguments: str) -> Any:
    done = ftui(*arguments, "--json")
    assert done.exit_code in (0, 1), done.output
    return json.loads(done.stdout)


def line_of(text: str, label: str) -> str:
    (line,) = [line for line in text.splitlines() if line.startswith(label)]
    return line


# ftui check


def test_the_demo_is_judged_in_text_with_its_data(home: Path) -> None:
    done = ftui("check", "demo")
    assert done.exit_code == 0, done.output
    assert "4 × 4 × 1 GPU = 16" in line_of(done.stdout, "Effective batch")
    assert "75 in all · 25 an epoch · 3 epochs" in line_of(done.stdout, "Steps")
    assert "5 steps (6.7 %)" in line_of(done.stdout, "Warm-up")
    assert "400 rows to train on, 64 held out · 400 chat messages" in line_of(done.stdout, "Data")
    assert "max 57 tokens, max_length 256" in line_of(done.stdout, "Lengths")
    assert "8,400 of 22,800 tokens (36.8 %)" in line_of(done.stdout, "Learned")
    assert "copies of others: 1, row 113" in done.stdout
    assert "would be refused" not in done.stdout
    assert done.stderr == ""


def test_json_has_all_that_text_has_and_the_data_once_more(home: Path) -> None:
    said = as_json("check", "demo", "--gpu", "4090", "--target-batch", "32")
    assert (said["preset"], said["method"], said["refused"], said["missing"]) == ("demo", "QLoRA", False, [])
    assert said["plan"]["total_steps"] == 75
    assert said["data"]["complete"] is True
    assert said["data"]["train_rows"] == 400
    assert said["memory"]["card"]["name"] == "RTX 4090"
    assert said["memory"]["verdict"] == "fits"
    need = said["memory"]["train_mib"]
    assert 0 < need["low"] < need["need"] < need["high"] < said["memory"]["card"]["free_mib"]
    assert sum(said["memory"]["parts_mib"].values()) == pytest.approx(need["need"], abs=2)
    assert {one["effective"] for one in said["proposals"]} == {32}
    assert [line["label"] for line in said["advice"]][:2] == ["Effective batch", "Steps"]
    assert xray.report_folder(home, said["data"]["key"]).is_dir()


def test_in_a_process_of_its_own_a_refusal_is_exit_code_1(tmp_path: Path, home: Path) -> None:
    """As a script would call it: 0 % learned, said on standard output, nothing on standard error."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tui.cli", "check", "demo", "--set", "train.max_length=8", "--json"],
        env=dict(os.environ),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    said = json.loads(done.stdout)
    assert said["refused"] is True
    (refusal,) = [one for one in said["findings"] if one["severity"] == "error"]
    assert (refusal["id"], refusal["key"]) == ("trained-none", "train.assistant_only_loss")


def test_a_refusal_is_said_in_the_last_line(home: Path) -> None:
    done = ftui("check", "demo", "--no-data", "--set", "lora.use_peft=false")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[-1] == "A launch would be refused."
    assert "✖ full-quantised" in done.stdout
    assert "→ " in done.stdout


def test_bad_rows_are_listed_with_their_numbers(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "fine"}\n\n{torn\n{"txt": "not"}\n')
    done = ftui("check", "demo", "--set", f"data.train_dataset={path}")
    assert done.exit_code == 1
    assert "bad: train row 2: line 3: not JSON" in done.stdout
    assert "bad: train row 3: has txt; none of the known shapes fits" in done.stdout


def test_a_missing_file_is_named_with_what_to_do_and_not_looked_at(home: Path) -> None:
    done = ftui("check", "qlora-quickstart")
    assert done.exit_code == 1
    assert "does not exist. Give your own: --set data.train_dataset=PATH" in done.stdout
    assert "A launch would be refused." in done.stdout
    assert not (home / "cache").exists()
    said = as_json("check", "qlora-quickstart")
    assert said["refused"] is True
    assert len(said["missing"]) == 1
    assert said["data"] is None
    assert said["memory_problem"] == "no GPU here to predict for"
    assert said["unknown"] == ["memory: no GPU here to predict for", "data: not looked at"]


def test_without_a_look_at_the_data_it_says_so(home: Path) -> None:
    done = ftui("check", "demo", "--no-data")
    assert done.exit_code == 0
    assert line_of(done.stdout, "Data").endswith("not looked at")
    assert "not known before the rows are counted" in line_of(done.stdout, "Steps")
    assert "name a card" in line_of(done.stdout, "VRAM")
    assert not (home / "cache").exists()


@pytest.mark.parametrize("name", ["4090", "RTX 4090", "NVIDIA GeForce RTX 4090", "rtx-4090"])
def test_memory_is_predicted_for_any_card_by_name(home: Path, name: str) -> None:
    done = ftui("check", "demo", "--no-data", "--gpu", name)
    assert done.exit_code == 0, done.output
    assert "free on RTX 4090 · fits" in line_of(done.stdout, "VRAM")
    assert "worst batch 4 × 256 tokens" in done.stdout


@pytest.mark.parametrize(
    ("name", "card"),
    [
        ("A100 80GB", "A100 80GB"),
        ("NVIDIA A100 80GB PCIe", "A100 80GB"),
        ("NVIDIA A100-SXM4-80GB", "A100 80GB"),
        ("NVIDIA A100-SXM4-40GB", "A100 40GB"),
        ("Tesla V100-SXM2-32GB", "Tesla V100 32GB"),
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA A10", "A10"),
        ("NVIDIA L4", "L4"),
        ("NVIDIA RTX 6000 Ada Generation", "RTX 6000 Ada"),
    ],
)
def test_a_card_is_known_by_the_name_nvidia_smi_shows(home: Path, name: str, card: str) -> None:
    assert as_json("check", "demo", "--no-data", "--gpu", name)["memory"]["card"]["name"] == card


@pytest.mark.parametrize(
    ("name", "near"), [("RTX 5099", "RTX 5090"), ("A100 90GB", "A100 80GB"), ("H1000", "H100")]
)
def test_a_card_nobody_knows_is_answered_with_those_near_to_it(home: Path, name: str, near: str) -> None:
    words = error_of(ftui("check", "demo", "--no-data", "--gpu", name))
    assert repr(name) in words
    assert near in words
    assert "--free-gib" in words


def test_nonsense_for_a_card_is_answered_with_a_few_examples(home: Path) -> None:
    words = error_of(ftui("check", "demo", "--no-data", "--gpu", "nonsense"))
    assert "No card 'nonsense' is known" in words
    assert "RTX 4090" in words
    assert len(words) < 300


def test_free_memory_alone_is_enough_to_judge_against(home: Path) -> None:
    plenty = as_json("check", "demo", "--no-data", "--free-gib", "22")
    assert plenty["memory"]["card"]["free_mib"] == 22 * 1024
    assert plenty["memory"]["verdict"] == "fits"
    scarce = as_json("check", "demo", "--no-data", "--gpu", "4090", "--free-gib", "0.2")
    assert scarce["memory"]["card"]["free_mib"] == 205
    assert (scarce["memory"]["card"]["name"], scarce["memory"]["verdict"]) == ("RTX 4090", "will run out")
    text = ftui("check", "demo", "--no-data", "--gpu", "4090", "--free-gib", "0.2").stdout
    assert "of 0.2 free on RTX 4090 · will run out" in text


def test_a_gpu_of_this_machine_is_taken_as_it_is_now(home: Path, stub: StubNvml, tmp_path: Path) -> None:
    """Total and free memory come from NVML, which says 24 and 10 GiB, not from the table."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tui.cli", "check", "demo", "--no-data", "--gpu", "4090", "--json"],
        env={**os.environ, **stub.environment},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    card = json.loads(done.stdout)["memory"]["card"]
    assert card["name"] == "NVIDIA GeForce RTX 4090"
    assert (card["total_mib"], card["free_mib"], card["multiprocessors"]) == (24 * 1024, 10 * 1024, 128)


def test_ways_to_a_batch_are_proposed(home: Path) -> None:
    done = ftui("check", "demo", "--no-data", "--gpu", "4090", "--target-batch", "32")
    lines = done.stdout.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("Batch 32"))
    for line in lines[start : start + 4]:
        assert "= 32 · " in line
        assert "GiB · time ×" in line
    assert "time ×1.00" in lines[start]


@pytest.mark.parametrize(
    "arguments",
    [("--target-batch", "0"), ("--free-gib", "0"), ("--free-gib", "much"), ("--target-batch", "x")],
)
def test_figures_that_make_no_sense_are_refused(home: Path, arguments: tuple[str, str]) -> None:
    done = ftui("check", "demo", "--no-data", *arguments)
    assert done.exit_code == 2
    assert arguments[0] in done.stderr
    assert "Traceback" not in done.stderr


def test_settings_changed_on_the_command_line_are_judged(home: Path) -> None:
    done = ftui("check", "demo", "--no-data", "--set", "train.learning_rate=1e-3", "--set", "lora.r=8")
    assert done.exit_code == 0
    assert line_of(done.stdout, "Learning rate").split()[2] == "0.001"
    batch = ftui("check", "demo", "--no-data", "--set", "train.gradient_accumulation_steps=2").stdout
    assert "4 × 2 × 1 GPU = 8" in line_of(batch, "Effective batch")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("dmeo",), "Did you mean demo?"),
        (("demo", "--set", "train.lerning_rate=1"), "learning_rate"),
        (("demo", "--set", "train.learning_rate=fast"), "train.learning_rate"),
        (("demo", "--set", "train"), "section.key=value"),
        (("nowhere.yaml",), "there is no such file"),
    ],
)
def test_mistakes_are_two_lines(home: Path, arguments: tuple[str, ...], words: str) -> None:
    assert words in error_of(ftui("check", *arguments))


# ftui presets new


def loaded(home: Path, name: str) -> dict[str, Any]:
    values = files.load(name, home).preset.model_dump(mode="json")
    return dict(values)


def test_a_new_preset_builds_on_another_and_sets_what_was_asked_for(home: Path) -> None:
    done = ftui(
        "presets", "new", "mine", "--from", "demo", "--set", "train.learning_rate=1e-3", "--set", "lora.r=8"
    )
    assert done.exit_code == 0, done.output
    path = home / "presets" / "mine.yaml"
    assert done.stdout == f"{path}\n"
    values, base = loaded(home, "mine"), loaded(home, "demo")
    assert (values["train"]["learning_rate"], values["lora"]["r"]) == (1e-3, 8)
    base["train"]["learning_rate"], base["lora"]["r"], base["description"] = 1e-3, 8, ""
    assert values == base
    text = path.read_text()
    assert "extends: demo" in text
    assert text.startswith("# yaml-language-server: $schema=./preset.schema.json\n")
    schema = json.loads((home / "presets" / "preset.schema.json").read_text())
    assert schema["title"] == "ftui preset"
    assert "mine" in ftui("presets").stdout


def test_a_new_preset_is_the_quickstart_when_nothing_is_said(home: Path) -> None:
    assert ftui("presets", "new", "mine").exit_code == 0
    assert loaded(home, "mine")["model"]["model_name_or_path"] == "Qwen/Qwen3-0.6B"


def test_a_name_that_is_taken_is_an_error_and_nothing_is_overwritten(home: Path) -> None:
    assert ftui("presets", "new", "mine", "--set", "lora.r=8").exit_code == 0
    before = (home / "presets" / "mine.yaml").read_bytes()
    words = error_of(ftui("presets", "new", "mine", "--set", "lora.r=64"))
    assert "there is a preset of this name already" in words
    assert str(home / "presets" / "mine.yaml") in words
    assert (home / "presets" / "mine.yaml").read_bytes() == before


@pytest.mark.parametrize("name", ["a/b", "../up", "", ".hidden", "with space", "-x", "ünïcode", "a\nb"])
def test_a_name_that_is_no_file_name_is_refused(home: Path, name: str) -> None:
    done = ftui("presets", "new", "--", name)
    assert "letters, digits, dots, dashes and underscores" in error_of(done, lines=3)
    assert not home.exists() or not list(home.rglob("*.yaml"))


@pytest.mark.parametrize("name", ["mine", "mine-2", "Mine_v1.5", "mine.yaml"])
def test_a_preset_is_found_by_the_name_it_was_given(home: Path, name: str) -> None:
    """Or the name is refused; a preset that cannot be called is of no use."""
    if ftui("presets", "new", name).exit_code == 0:
        assert ftui("presets", name).exit_code == 0
        assert ftui("presets", "show", name).exit_code == 0
    else:
        assert not list(home.rglob("*.yaml"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--from", "dmeo"), "Did you mean demo?"),
        (("--from", "demo", "--set", "train.lerning_rate=1"), "Did you mean train.learning_rate?"),
        (("--from", "demo", "--set", "nonsense"), "there is no such setting"),
        (("--from", "demo", "--set", "lora.r"), "section.key=value"),
        (("--from", "demo", "--set", "lora.r=lots"), "lora.r"),
        (("--from", "demo", "--set", "lora.r=0"), "lora.r"),
        (("--from", "missing.yaml"), "there is no such file"),
    ],
)
def test_a_preset_that_would_not_be_valid_is_not_written(
    store: Path, arguments: tuple[str, ...], words: str
) -> None:
    assert words in error_of(ftui("presets", "new", "mine", *arguments))
    assert not list((store).glob("presets/*.yaml"))


def test_a_relative_path_is_that_of_the_folder_one_is_in(home: Path, in_tmp: Path) -> None:
    """As with `ftui run --set`: ./chats.jsonl is the file that ls shows."""
    (in_tmp / "chats.jsonl").write_text('{"text": "fine"}\n')
    assert ftui("presets", "new", "mine", "--set", "data.train_dataset=./chats.jsonl").exit_code == 0
    assert loaded(home, "mine")["data"]["train_dataset"] == str(in_tmp / "chats.jsonl")


def test_a_preset_file_in_the_folder_one_is_in_can_be_built_on(home: Path, in_tmp: Path) -> None:
    (in_tmp / "base.yaml").write_text("extends: demo\nlora:\n  r: 8\n")
    done = ftui("presets", "new", "mine", "--from", "./base.yaml")
    assert done.exit_code == 0, done.output
    assert loaded(home, "mine")["lora"]["r"] == 8


def test_a_preset_named_like_the_one_it_builds_on_leaves_a_preset_that_works(home: Path) -> None:
    """demo from demo: either refused, or one that can be read; never a circle left behind."""
    before = loaded(home, "demo")
    done = ftui("presets", "new", "demo", "--from", "demo", "--set", "lora.r=8")
    assert "Traceback" not in done.output
    after = loaded(home, "demo")
    assert after["lora"]["r"] == (8 if done.exit_code == 0 else before["lora"]["r"])


@pytest.mark.parametrize("named", [OVERFIT, "overfit", "last"])
def test_a_preset_out_of_a_run_has_its_settings(store: Path, named: str) -> None:
    done = ftui("presets", "new", "again", "--from", named, "--set", "train.num_train_epochs=2")
    assert done.exit_code == 0, done.output
    frozen = files.load_frozen(store / "runs" / OVERFIT / "preset.yaml").model_dump(mode="json")
    values = loaded(store, "again")
    assert values["train"].pop("num_train_epochs") == 2
    assert frozen["train"].pop("num_train_epochs") != 2
    assert {**values, "description": ""} == {**frozen, "description": ""}
    text = (store / "presets" / "again.yaml").read_text()
    assert f"The settings of run {OVERFIT}." in text
    # Only what differs from the defaults is written.
    assert "max_grad_norm" not in text


def test_two_runs_that_answer_to_a_name_are_both_named(store: Path) -> None:
    words = error_of(ftui("presets", "new", "again", "--from", "20261124"))
    assert "2 runs have '20261124' in their id" in words


# ftui presets, show, diff


@pytest.mark.parametrize("arguments", [("presets", "demo"), ("presets", "show", "demo")])
def test_every_setting_is_shown_with_where_it_comes_from(home: Path, arguments: tuple[str, ...]) -> None:
    text = ftui(*arguments).stdout
    assert "learning_rate:" in text
    assert "demo.yaml:" in text
    values = as_json(*arguments)
    assert values["train"]["learning_rate"] == 6e-4
    for section in values:
        if isinstance(values[section], dict):
            for key in values[section]:
                assert f"  {key}:" in text


def test_wrong_names_are_answered_with_the_nearest(home: Path) -> None:
    for arguments in (("presets", "dmeo"), ("presets", "show", "dmeo"), ("presets", "diff", "demo", "dmeo")):
        assert "Did you mean demo" in error_of(ftui(*arguments))
    done = ftui("presets", "diff", "demo")
    assert done.exit_code == 2
    assert "Missing argument" in done.stderr


def test_a_difference_is_shown_and_is_exit_code_1(home: Path) -> None:
    ftui("presets", "new", "mine", "--from", "demo", "--set", "lora.r=8", "--set", "eval.train_probe=false")
    done = ftui("presets", "diff", "demo", "mine")
    assert done.exit_code == 1
    heads, *rows = done.stdout.splitlines()
    assert heads.split() == ["setting", "demo", "mine"]
    assert [row.split() for row in rows] == [["lora.r", "16", "8"], ["eval.train_probe", "true", "false"]]
    assert as_json("presets", "diff", "demo", "mine") == {
        "lora.r": [16, 8],
        "eval.train_probe": [True, False],
    }
    same = ftui("presets", "diff", "mine", "mine")
    assert (same.exit_code, same.stdout) == (0, "no setting differs\n")


def test_a_preset_and_a_run_can_be_compared(store: Path) -> None:
    found = as_json("presets", "diff", "demo", "last")
    frozen = files.load_frozen(store / "runs" / OVERFIT / "preset.yaml").model_dump(mode="json")
    demo = loaded(store, "demo")
    expected = {
        f"{section}.{key}": [demo[section][key], value]
        for section, part in frozen.items()
        if isinstance(part, dict)
        for key, value in part.items()
        if demo[section][key] != value
    }
    assert found == expected != {}
    assert ftui("presets", "diff", HEALTHY, "last").exit_code == 1
    assert ftui("presets", "diff", HEALTHY, HEALTHY).exit_code == 0


def test_a_run_that_is_not_named_well_enough_is_said_to_be_so(store: Path) -> None:
    assert "2 runs have '20261124' in their id" in error_of(ftui("presets", "diff", "demo", "20261124"))


# ftui presets schema


def schema() -> dict[str, Any]:
    done = ftui("presets", "schema")
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def accepts(root: dict[str, Any], node: dict[str, Any], value: Any) -> bool:
    """As much of JSON Schema as the presets' schema uses; an unknown keyword is an error."""
    if "$ref" in node:
        target: Any = root
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return accepts(root, target, value)
    known: dict[str, Callable[[Any], bool]] = {
        "anyOf": lambda options: any(accepts(root, option, value) for option in options),
        "const": lambda one: value == one,
        "enum": lambda choices: value in choices,
        "type": lambda name: _is(name, value),
        "minimum": lambda least: not _is("number", value) or value >= least,
        "maximum": lambda most: not _is("number", value) or value <= most,
        "exclusiveMinimum": lambda least: not _is("number", value) or value > least,
        "exclusiveMaximum": lambda most: not _is("number", value) or value < most,
        "minLength": lambda least: not isinstance(value, str) or len(value) >= least,
        "items": lambda item: not isinstance(value, list) or all(accepts(root, item, one) for one in value),
        "required": lambda names: not isinstance(value, dict) or set(names) <= value.keys(),
        "properties": lambda parts: (
            not isinstance(value, dict)
            or all(accepts(root, parts[key], one) for key, one in value.items() if key in parts)
        ),
        "additionalProperties": lambda more: (
            more is not False
            or not isinstance(value, dict)
            or value.keys() <= node.get("properties", {}).keys()
        ),
    }
    silent = {"title", "description", "default", "path", "$schema", "$defs", "examples"}
    assert node.keys() <= known.keys() | silent, node.keys() - known.keys() - silent
    return all(check(node[word]) for word, check in known.items() if word in node)


def _is(name: str, value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    kinds = {
        "object": isinstance(value, dict),
        "array": isinstance(value, list),
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "null": value is None,
        "number": number,
        "integer": number and float(value).is_integer(),
    }
    return kinds[name]


def plain(path: Path) -> Any:
    return YAML(typ="safe", pure=True).load(path.read_text())


SHIPPED = sorted(path for path in files.shipped_folder().glob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=[path.stem for path in SHIPPED])
def test_the_schema_accepts_every_shipped_preset(home: Path, path: Path) -> None:
    root = schema()
    values = plain(path)
    assert accepts(root, root, values)
    for section, part in values.items():
        assert section in root["properties"]
        if isinstance(part, dict):
            definition = root["$defs"][root["properties"][section]["$ref"].rsplit("/", 1)[-1]]
            assert part.keys() <= definition["properties"].keys()


@pytest.mark.parametrize(
    "wrong",
    [
        {"trian": {}},
        {"train": {"lerning_rate": 1e-4}},
        {"train": {"learning_rate": "fast"}},
        {"train": {"learning_rate": 2}},
        {"train": {"max_length": 4}},
        {"train": {"packing": 1}},
        {"train": {"optim": "adam"}},
        {"data": {"mix": [{"dataset": "x.jsonl"}]}},
        {"data": {"mix": [{"dataset": "x.jsonl", "ratio": 1.5}]}},
        {"extends": 3},
        {"eval": {"eval_steps": "often"}},
        [],
    ],
    ids=str,
)
def test_the_schema_refuses_what_ftui_refuses(home: Path, wrong: Any) -> None:
    root = schema()
    assert not accepts(root, root, wrong)


def test_the_schema_lets_a_file_leave_out_what_it_extends(home: Path) -> None:
    root = schema()
    allowed: tuple[dict[str, Any], ...] = (
        {},
        {"extends": "demo"},
        {"data": {"mix": [{"dataset": "x", "ratio": 0.1}]}},
        {"eval": {}},
    )
    for right in allowed:
        assert accepts(root, root, right)


def test_what_the_schema_says_of_a_new_preset_and_of_one_out_of_a_run(store: Path) -> None:
    ftui("presets", "new", "mine", "--from", "demo", "--set", "data.mix=[{dataset: a/b, ratio: 0.1}]")
    ftui("presets", "new", "again", "--from", "last")
    root = json.loads((store / "presets" / "preset.schema.json").read_text())
    assert root == schema()
    for name in ("mine", "again"):
        assert accepts(root, root, plain(store / "presets" / f"{name}.yaml"))
