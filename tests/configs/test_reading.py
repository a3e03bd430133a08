"""What single keys of a config become: values, defaults, conflicts, data sets, and what is left out in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.configs.meaning import Fate
from runner.configs.recognise import AmbiguousError
from runner.preset.errors import PresetError
from tests.configs.made import AXOLOTL, LLAMA_FACTORY, SCRIPT, TRL, UNSLOTH, fate, line, read

DATA = "datasets: [{path: c/d, type: chat_template}]\n"


@pytest.mark.parametrize(
    ("text", "key", "settings"),
    [
        (AXOLOTL, "adapter", {"lora.use_peft": True, "quantization.load_in_4bit": True}),
        (AXOLOTL + "warmup_ratio: 0.1\n", "warmup_ratio", {"train.warmup_steps": 0.1}),
        (AXOLOTL + "warmup_steps: 10\n", "warmup_steps", {"train.warmup_steps": 10.0}),
        (AXOLOTL + "train_on_inputs: true\n", "train_on_inputs", {"train.assistant_only_loss": False}),
        (AXOLOTL + "lora_target_linear: true\n", "lora_target_linear", {"lora.target_modules": "all-linear"}),
        (AXOLOTL + "optimizer: adamw_bnb_8bit\n", "optimizer", {"train.optim": "adamw_8bit"}),
        (AXOLOTL + "val_set_size: 0.1\n", "val_set_size", {"data.eval_fraction": 0.1}),
        (AXOLOTL + "bf16: false\n", "bf16", {"model.dtype": "float32"}),
        (AXOLOTL + "sample_packing: yes\n", "sample_packing", {"train.packing": True}),
        (LLAMA_FACTORY + "lora_target: q_proj, v_proj\n", "lora_target", {"lora.target_modules": ["q_proj", "v_proj"]}),
        (LLAMA_FACTORY + "quantization_bit: 8\n", "quantization_bit",
         {"quantization.load_in_8bit": True, "quantization.load_in_4bit": False}),
        (LLAMA_FACTORY + "disable_gradient_checkpointing: true\n", "disable_gradient_checkpointing",
         {"train.gradient_checkpointing": False}),
        (LLAMA_FACTORY + "mask_history: true\n", "mask_history", {"data.assistant_turns": "last"}),
        (LLAMA_FACTORY + "neat_packing: true\n", "neat_packing", {"train.packing": True}),
        (LLAMA_FACTORY + "flash_attn: fa2\n", "flash_attn", {"model.attn_implementation": "flash_attention_2"}),
        (TRL + "learning_rate: '2e-4'\n", "learning_rate", {"train.learning_rate": 2e-4}),
        (TRL + "report_to: wandb\n", "report_to", {"report.report_to": ["wandb"]}),
        (TRL + "eval_steps: 0.1\n", "eval_steps", {"eval.eval_steps": "auto"}),
        (TRL + "eval_strategy: no\n", "eval_strategy", {"data.eval_fraction": 0}),
        (UNSLOTH, "training.max_seq_length", {"train.max_length": 1024}),
        (UNSLOTH + "  use_rslora: true\n", "lora.use_rslora", {"lora.use_rslora": True}),
    ],
)  # fmt: skip
def test_a_value_is_converted(tmp_path: Path, text: str, key: str, settings: dict[str, Any]) -> None:
    found = line(read(tmp_path, text), key)
    assert (found.fate, found.settings) == (Fate.UNDERSTOOD, settings)


@pytest.mark.parametrize(
    ("text", "key", "fate_of_it", "words"),
    [
        (AXOLOTL + "evals_per_epoch: 4\n", "evals_per_epoch", Fate.NO_COUNTERPART, "counts steps"),
        (AXOLOTL + "val_set_size: 500\n", "val_set_size", Fate.NO_COUNTERPART, "a count of rows"),
        (AXOLOTL + "learning_rte: 1\n", "learning_rte", Fate.UNKNOWN, "No known key."),
        (AXOLOTL + "output_dir: ./out\n", "output_dir", Fate.BY_ITSELF, "a directory of its own"),
        (AXOLOTL + "wandb_name:\n", "wandb_name", Fate.UNSET, "Its default holds."),
        (AXOLOTL + "deepspeed: x.json\n", "deepspeed", Fate.NO_COUNTERPART, "one GPU"),
        (AXOLOTL + "trainer_cls: my.Trainer\n", "trainer_cls", Fate.CODE, "Nothing is run from a config."),
        (AXOLOTL + "lora_target_modules: 'layers.[\\d]+.(q|k)_proj'\n", "lora_target_modules", Fate.NO_COUNTERPART,
         "It is a pattern"),
        (LLAMA_FACTORY, "template", Fate.NO_COUNTERPART, "the tokenizer's template is used"),
        (LLAMA_FACTORY + "lora_rank: many\n", "lora_rank", Fate.NO_COUNTERPART, "a whole number from 1 to 1024"),
        (TRL + "lr_scheduler_kwargs: {min_lr: 0}\n", "lr_scheduler_kwargs", Fate.NO_COUNTERPART, "no settings of its"),
    ],
)  # fmt: skip
def test_what_is_not_taken_is_said(tmp_path: Path, text: str, key: str, fate_of_it: Fate, words: str) -> None:
    found = line(read(tmp_path, text), key)
    assert (found.fate, dict(found.settings)) == (fate_of_it, {})
    assert words in found.words
    assert found.number == next(n for n, row in enumerate(text.splitlines(), 1) if row.startswith(key))


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        (AXOLOTL.replace("sequence_len: 1024\n", ""),
         {"train.max_length": 512, "train.gradient_accumulation_steps": 1, "train.lr_scheduler_type": "cosine"}),
        (LLAMA_FACTORY,
         {"lora.r": 8, "lora.lora_alpha": 16, "train.learning_rate": 5e-5, "quantization.load_in_4bit": False}),
        (LLAMA_FACTORY + "lora_rank: 24\n", {"lora.r": 24, "lora.lora_alpha": 48}),
        (TRL, {"train.learning_rate": 2e-5, "lora.lora_dropout": 0.05, "train.max_length": 1024}),
        (UNSLOTH, {"train.seed": 3407, "lora.lora_alpha": 16, "train.optim": "adamw_8bit"}),
    ],
)  # fmt: skip
def test_defaults_of_the_tool_are_written_out(tmp_path: Path, text: str, settings: dict[str, Any]) -> None:
    found = read(tmp_path, text)
    assert {name: found.settings[name] for name in settings} == settings
    for one in found.lines:
        assert one.is_in_file or f"{found.recognised.tool.title}'s default" in one.words


def test_trl_evaluates_on_the_split_test_where_none_is_named(tmp_path: Path) -> None:
    for strategy, split in (("steps", "test"), ("'no'", None), ("no", None)):
        found = read(tmp_path, TRL + f"eval_strategy: {strategy}\n")
        assert found.settings.get("data.eval_split") == split
        assert ("data.eval_fraction" in found.settings) == (split is None)
    found = read(tmp_path, TRL + "eval_strategy: steps\ndataset_test_split: held\n")
    assert found.settings["data.eval_split"] == "held"


def test_a_default_that_does_not_matter_is_not_written(tmp_path: Path) -> None:
    found = read(tmp_path, TRL.replace("use_peft: true", "use_peft: false"))
    assert [name for name in found.settings if name.startswith("lora.")] == ["lora.use_peft"]
    assert not [name for name in found.settings if name.startswith("quantization.bnb_")]


@pytest.mark.parametrize(
    ("rows", "name", "value"),
    [
        ("warmup_steps: 0\nwarmup_ratio: 0.1\n", "train.warmup_steps", 0.1),
        ("warmup_ratio: 0.1\nwarmup_steps: 0\n", "train.warmup_steps", 0.1),
        ("bf16: false\nfp16: true\n", "model.dtype", "float16"),
        ("fp16: true\nbf16: false\n", "model.dtype", "float16"),
        ("use_wandb: true\nuse_tensorboard: true\n", "report.report_to", ["wandb", "tensorboard"]),
    ],
)
def test_of_two_keys_the_one_that_is_on_holds(tmp_path: Path, rows: str, name: str, value: object) -> None:
    assert read(tmp_path, AXOLOTL + rows).settings[name] == value


def test_a_key_of_its_own_holds_before_one_that_says_several(tmp_path: Path) -> None:
    found = read(tmp_path, AXOLOTL.replace("qlora", "lora") + "load_in_4bit: true\n")
    assert found.settings["quantization.load_in_4bit"] is True
    found = read(tmp_path, "load_in_4bit: true\n" + AXOLOTL.replace("qlora", "lora"))
    assert found.settings["quantization.load_in_4bit"] is True
    assert "set by another key" in line(found, "adapter").words


def test_remote_code_is_taken_with_a_warning(tmp_path: Path) -> None:
    found = read(tmp_path, AXOLOTL + "trust_remote_code: true\n")
    assert found.settings["model.trust_remote_code"] is True
    assert "read it first" in line(found, "trust_remote_code").words


# Data sets


def test_one_data_set_is_told_by_its_own_settings(tmp_path: Path) -> None:
    rows = "datasets:\n- path: c/d\n  name: en\n  split: train[:10%]\n  field_messages: chat\n  type: chat_template\n"
    found = read(tmp_path, AXOLOTL + rows)
    assert {name: value for name, value in found.settings.items() if name.startswith("data.")} == {
        "data.train_dataset": "c/d",
        "data.dataset_config_name": "en",
        "data.train_split": "train[:10%]",
        "data.columns": {"messages": "chat"},
        "data.eval_fraction": 0.0,
    }
    assert line(found, "datasets.0.field_messages").number == 10
    assert fate(found, "datasets.0.type") is Fate.BY_ITSELF


def test_several_data_sets_are_a_list(tmp_path: Path) -> None:
    rows = "datasets:\n- path: c/d\n- path: ./mine.jsonl\n  fraction: 0.5\n  ds_type: json\n"
    found = read(tmp_path, AXOLOTL + rows)
    mine = str(tmp_path / "mine.jsonl")
    assert found.settings["data.train_dataset"] == [{"dataset": "c/d"}, {"dataset": mine, "weight": 0.5}]


def test_paths_are_relative_to_the_config(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    text = AXOLOTL.replace("a/b", "weights") + "datasets: [{path: json, data_files: rows/x.jsonl}]\n"
    text += "test_datasets: [{path: ../y.jsonl, split: train}]\n"
    found = read(tmp_path, text)
    assert found.settings["model.model_name_or_path"] == str(tmp_path / "weights")
    assert found.settings["data.train_dataset"] == str(tmp_path / "rows/x.jsonl")
    assert found.settings["data.eval_dataset"] == str(tmp_path.parent / "y.jsonl")
    assert "data.eval_fraction" not in found.settings


def test_data_sets_of_llama_factory_are_looked_up(tmp_path: Path) -> None:
    info = {
        "mine": {"file_name": "x.json", "columns": {"prompt": "q", "response": "a"}, "num_samples": 10},
        "hub": {"hf_hub_url": "c/d", "subset": "en", "formatting": "sharegpt"},
        "code": {"script_url": "loader.py"},
    }
    (tmp_path / "lf").mkdir()
    (tmp_path / "lf" / "dataset_info.json").write_text(json.dumps(info))
    found = read(tmp_path, LLAMA_FACTORY + "dataset_dir: lf\ndataset: mine, hub, code, gone\n")
    mine = {
        "dataset": str(tmp_path / "lf/x.json"),
        "max_rows": 10,
        "columns": {"instruction": "q", "output": "a"},
    }
    assert found.settings["data.train_dataset"] == [mine, {"dataset": "c/d", "dataset_config_name": "en"}]
    said = {line.value: line.fate for line in found.lines if line.key == "dataset"}
    assert (said["code"], said["gone"]) == (Fate.CODE, Fate.UNKNOWN)


def test_a_share_of_each_source(tmp_path: Path) -> None:
    found = read(tmp_path, TRL.replace("dataset_name: c/d", "dataset_mixer: {c/d: 1.0, e/f: 0.2, g/h: 0}"))
    shares = [("c/d", 1.0), ("e/f", 0.2)]
    assert found.settings["data.train_dataset"] == [
        {"dataset": name, "weight": share} for name, share in shares
    ]


# Which tool, and files that are none


@pytest.mark.parametrize(
    ("text", "name"), [(AXOLOTL, "axolotl"), (LLAMA_FACTORY, "llamafactory"), (TRL, "trl"), (UNSLOTH, "unsloth")]
)  # fmt: skip
def test_the_tool_is_told_by_its_keys(tmp_path: Path, text: str, name: str) -> None:
    found = read(tmp_path, text)
    assert found.recognised.tool.name == name
    told = found.recognised.why.removeprefix("its keys ").split(",")[0]
    assert told.rpartition(".")[2] in text


def test_json_with_tabs_is_read(tmp_path: Path) -> None:
    text = '{\n\t"model_name_or_path": "a/b",\n\t"stage": "sft",\n\t"cutoff_len": 64,\n\t"finetuning_type": "full"\n}'
    found = read(tmp_path, text, "x.json")
    assert found.recognised.tool.name == "llamafactory"
    assert line(found, "cutoff_len").number == 4
    assert found.settings["lora.use_peft"] is False


def test_a_script_is_read_by_its_calls(tmp_path: Path) -> None:
    found = read(tmp_path, SCRIPT, "train.py")
    assert found.recognised.tool.name == "script"
    assert found.settings["data.train_dataset"] == "c/d"


@pytest.mark.parametrize(
    ("text", "name", "says"),
    [
        ("model_name_or_path: a/b\nuse_peft: true\nstage: sft\n", "x.yaml", "--from"),
        ("a: 1\n", "x.yaml", "has no key that tells"),
        ("- 1\n", "x.yaml", "is no config"),
        ("", "x.yaml", "is no config"),
        ("a: [1\n", "x.yaml", "not valid YAML"),
        ("a: 1\na: 2\n", "x.yaml", "not valid YAML"),
        ("model: {model_name_or_path: a/b}\ntrain: {seed: 1}\n", "x.yaml", "is a preset of ftui already"),
        ("import os\n", "x.py", "has no call that sets up a training"),
        ("def (:\n", "x.py", "x.py:1: no Python"),
        (AXOLOTL + "rl: dpo\n", "x.yaml", "dpo is another kind of training"),
        (LLAMA_FACTORY.replace("sft", "ppo"), "x.yaml", "ppo is another kind of training"),
    ],
)
def test_what_cannot_be_read_is_refused_in_two_lines(tmp_path: Path, text: str, name: str, says: str) -> None:
    with pytest.raises(PresetError) as refused:
        read(tmp_path, text, name)
    assert says in str(refused.value)
    assert str(refused.value).startswith(str(tmp_path / name))
    assert str(refused.value).count("\n") <= 1


def test_what_fits_two_tools_can_be_said(tmp_path: Path) -> None:
    text = "model_name_or_path: a/b\nuse_peft: true\nstage: sft\n"
    with pytest.raises(AmbiguousError) as refused:
        read(tmp_path, text)
    assert [tool.name for tool in refused.value.candidates] == ["llamafactory", "trl"]
    assert read(tmp_path, text, said="trl").recognised.tool.name == "trl"
