"""What is written for another tool: keys it knows, what it cannot express, and how it is started."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from trl import ModelConfig, ScriptArguments, SFTConfig, TrlParser
from trl.scripts.utils import DatasetMixtureConfig

from runner.configs.export import config_of, export, flat
from runner.configs.proposal import propose
from runner.preset import files
from runner.preset.other_tools.llamafactory import LLAMA_FACTORY
from runner.preset.other_tools.tool import Tool
from runner.preset.other_tools.tools import READ, WRITTEN
from runner.preset.schema import Preset

ALL = (
    "model.chat_template_path=/t/x.jinja",
    "lora.modules_to_save=[embed_tokens]",
    "train.max_steps=10",
    "train.neftune_noise_alpha=5",
    "data.max_train_samples=100",
    "data.assistant_turns=last",
    "eval.per_device_eval_batch_size=2",
    "report.report_to=[tensorboard, wandb, trackio]",
    "report.run_name=mine",
)


def made(home: Path, *overrides: str, rows: str = "/d/x.jsonl") -> Preset:
    return files.load("qlora-quickstart", home, (f"data.train_dataset={rows}", *overrides)).preset


def ids(tool: Tool) -> str:
    return tool.name


@pytest.mark.parametrize("tool", WRITTEN, ids=ids)
def test_the_keys_that_stand_for_several_settings_are_there(home: Path, tool: Tool) -> None:
    """The names that the table of the documentation has."""
    shapes = (
        made(home, *ALL),
        made(home, "train.warmup_steps=10", "lora.target_modules=[q_proj]", "data.eval_dataset=/d/y.jsonl"),
        made(home, "data.train_split=a", "data.eval_split=b", "data.dataset_config_name=c", rows="a/b"),
    )
    written = {key for preset in shapes for key in config_of(flat(preset), tool)} | {"load_dataset"}
    named = {key for names in tool.made_of.values() for key in names.split()}
    assert named - written == set()


@pytest.mark.parametrize("overrides", [("model.dtype=float32",), ("model.dtype=float32", *ALL)])
def test_trl_takes_what_is_written_for_it(home: Path, tmp_path: Path, overrides: tuple[str, ...]) -> None:
    preset = made(home, *overrides)
    path = tmp_path / "x.yaml"
    path.write_text(export(preset, READ["trl"], "x", path).text)
    parser = TrlParser([ScriptArguments, SFTConfig, ModelConfig, DatasetMixtureConfig])
    _, training, model, mixture = parser.parse_args_and_config(["--config", str(path)])
    assert training.learning_rate == preset.train.learning_rate
    assert training.eval_strategy == "steps"
    assert model.lora_r == preset.lora.r
    assert model.load_in_4bit
    assert mixture.datasets[0].data_files == "/d/x.jsonl"


def test_no_share_of_rows_is_written_for_trl_as_none(home: Path) -> None:
    """Its split refuses a size of 0."""
    for overrides in (("data.eval_fraction=0",), ("data.eval_dataset=/d/y.jsonl",)):
        assert "test_split_size" not in config_of(flat(made(home, *overrides)), READ["trl"])
    lacking = made(home, "data.eval_split=test", "data.eval_fraction=0")
    assert config_of(flat(lacking), READ["trl"])["eval_strategy"] == "no"
    assert config_of(flat(made(home)), READ["trl"])["test_split_size"] == 0.05


def test_rows_are_split_off_where_trl_does_it(home: Path) -> None:
    """A data set that is named by itself is evaluated on a split of its own."""
    split_off = config_of(flat(made(home, rows="a/b")), READ["trl"])
    assert split_off["datasets"] == [{"path": "a/b", "split": "train"}]
    named = config_of(flat(made(home, "data.eval_split=test", rows="a/b")), READ["trl"])
    assert (named["dataset_name"], named["dataset_test_split"], named["eval_strategy"]) == (
        "a/b",
        "test",
        "steps",
    )
    without = config_of(flat(made(home, "data.eval_fraction=0", rows="a/b")), READ["trl"])
    assert (without["dataset_name"], without["eval_strategy"]) == ("a/b", "no")


@pytest.mark.parametrize(
    ("tool", "overrides", "left_out"),
    [
        ("axolotl", ("data.columns={messages: chat}",), {}),
        ("axolotl", ("data.columns={prompt: q}",), {"data.columns": "{prompt: q}"}),
        ("llamafactory", ("data.columns={instruction: q, output: a}",), {}),
        ("llamafactory", ("data.columns={prompt: q}",), {"data.columns": "{prompt: q}"}),
        ("llamafactory", ("data.max_train_samples=9",), {}),
        ("trl", ("data.max_train_samples=9",), {"data.max_train_samples": "9"}),
        ("trl", ("data.eval_dataset=/d/y.jsonl",), {"data.eval_dataset": "/d/y.jsonl"}),
        ("trl", ("data.eval_split=test",), {"data.eval_split": "test"}),
        ("unsloth", ("lora.use_dora=true",), {"lora.use_dora": "true"}),
        ("unsloth", ("eval.auto_stop=critical",), {"eval.auto_stop": "critical"}),
        ("axolotl", ("lint.ignore=[epochs-many]", "data.skip_rows=[2]"),
         {"data.skip_rows": "[2]", "lint.ignore": "[epochs-many]"}),
    ],
)  # fmt: skip
def test_what_a_tool_cannot_express_is_named(
    home: Path, tool: str, overrides: tuple[str, ...], left_out: dict[str, str]
) -> None:
    written = export(made(home, *overrides), READ[tool], "x", Path("/d/config"))
    assert dict(written.left_out) == left_out
    for setting, value in left_out.items():
        assert f"# - {setting}: {value}\n" in written.text


def test_what_one_of_several_sources_says_is_not_lost_in_silence(home: Path) -> None:
    rows = "[{dataset: /d/x.jsonl, weight: 2, max_rows: 5, skip_rows: [1]}, {dataset: a/b, columns: {messages: m}}]"
    preset = made(home, "data.eval_split=test", rows=rows)
    of = "data.train_dataset, {} of source {}"
    for tool in WRITTEN:
        told = dict(export(preset, tool, "x", Path("/d/config")).left_out)
        wanted = {of.format("weight", 1): "2", of.format("skip_rows", 1): "[1]", "data.eval_split": "test"}
        if tool is not LLAMA_FACTORY:
            wanted[of.format("max_rows", 1)] = "5"
        if "data.columns" not in tool.expresses:
            wanted[of.format("columns", 2)] = "{messages: m}"
        assert told == wanted, tool.name


@pytest.mark.parametrize("tool", ["axolotl", "llamafactory"])
@pytest.mark.parametrize(
    "columns", [{"messages": "chat"}, {"instruction": "q", "output": "a"}, {"system": "s"}]
)
def test_columns_come_back(home: Path, tmp_path: Path, tool: str, columns: dict[str, str]) -> None:
    target = tmp_path / "x.yaml"
    written = export(made(home, f"data.columns={json.dumps(columns)}"), READ[tool], "x", target)
    for path, text in {target: written.text, **{tmp_path / n: t for n, t in written.beside.items()}}.items():
        path.write_text(text)
    assert propose(target).settings["data.columns"] == columns


def test_split_and_configuration_of_the_hub_come_back(home: Path, tmp_path: Path) -> None:
    preset = made(home, "data.train_split=train[:9]", "data.dataset_config_name=en", rows="a/b")
    for tool in WRITTEN:
        target = tmp_path / tool.name / f"x{tool.suffix}"
        target.parent.mkdir()
        written = export(preset, tool, "x", target)
        for path, text in {
            target: written.text,
            **{target.parent / n: t for n, t in written.beside.items()},
        }.items():
            path.write_text(text)
        found = propose(target).settings
        assert found["data.train_dataset"] == "a/b", tool.name
        assert (found["data.train_split"], found["data.dataset_config_name"]) == ("train[:9]", "en"), (
            tool.name
        )


def calls(text: str) -> dict[str, set[str | None]]:
    return {
        ast.unparse(node.func): {keyword.arg for keyword in node.keywords}
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
    }


def test_the_script_for_unsloth_trains_all_weights_without_an_adapter(home: Path) -> None:
    def script(*overrides: str) -> dict[str, Any]:
        return calls(export(made(home, *overrides), READ["unsloth"], "x", Path("/d/x.py")).text)

    assert "FastLanguageModel.get_peft_model" in script()
    assert "FastLanguageModel.get_peft_model" not in script("lora.use_peft=false")
    assert "train_dataset.train_test_split" in script()
    assert "train_dataset.train_test_split" not in script("data.eval_fraction=0")
    fields = set(SFTConfig.__dataclass_fields__)
    assert script(*ALL)["SFTConfig"] <= fields
