"""A preset as a config of another tool and back: what the tool can express comes back as it was."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.configs.export import config_of, export, flat
from runner.configs.meaning import own_said
from runner.configs.proposal import propose
from runner.preset.fields import field_named
from runner.preset.other_tools.answers import answer
from runner.preset.other_tools.said import Kind
from runner.preset.other_tools.tool import Tool, is_evaluated
from runner.preset.other_tools.tools import WRITTEN
from runner.preset.schema import Preset
from runner.preset.unknown_keys import section_of
from runner.preset.validate import validate

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
HUB = st.builds("{}/{}".format, NAMES, NAMES)
FILES = st.builds("/{}/{}{}".format, NAMES, NAMES, st.sampled_from([".jsonl", ".json", ".csv", ".parquet"]))
SHARE = st.sampled_from([0.0, 0.01, 0.03, 0.1, 0.5])
STEPS = st.one_of(st.just("auto"), st.integers(1, 5000))
SOURCES = st.lists(st.fixed_dictionaries({"dataset": FILES | HUB}), min_size=2, max_size=3)


def choice(name: str) -> st.SearchStrategy[str]:
    return st.sampled_from(field_named(name).choices)


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "model.model_name_or_path": HUB,
    "model.revision": st.sampled_from(["main", "v1.0", "no", "1e5"]),
    "model.dtype": choice("model.dtype"),
    "model.attn_implementation": choice("model.attn_implementation"),
    "model.chat_template_path": st.none() | st.just("/t/own.jinja"),
    "quantization.bnb_4bit_quant_type": choice("quantization.bnb_4bit_quant_type"),
    "quantization.bnb_4bit_use_double_quant": st.booleans(),
    "lora.use_peft": st.booleans(),
    "lora.r": st.integers(1, 1024),
    "lora.lora_alpha": st.integers(1, 4096),
    "lora.lora_dropout": st.sampled_from([0.0, 0.05, 0.1]),
    "lora.target_modules": st.just("all-linear") | st.lists(NAMES, min_size=1, max_size=3, unique=True),
    "lora.bias": choice("lora.bias"),
    "lora.use_rslora": st.booleans(),
    "lora.use_dora": st.booleans(),
    "lora.modules_to_save": st.lists(NAMES, max_size=2, unique=True),
    "train.num_train_epochs": st.sampled_from([0.5, 1.0, 2.0, 3.0]),
    "train.max_steps": st.just(-1) | st.integers(1, 100_000),
    "train.per_device_train_batch_size": st.integers(1, 4096),
    "train.gradient_accumulation_steps": st.integers(1, 4096),
    "train.learning_rate": st.floats(1e-7, 1.0, exclude_min=True),
    "train.lr_scheduler_type": choice("train.lr_scheduler_type"),
    "train.warmup_steps": SHARE | st.integers(1, 500).map(float),
    "train.weight_decay": st.floats(0.0, 1.0),
    "train.max_grad_norm": st.sampled_from([0.0, 0.3, 1.0]),
    "train.optim": choice("train.optim"),
    "train.max_length": st.integers(8, 131072),
    "train.packing": st.booleans(),
    "train.packing_strategy": choice("train.packing_strategy"),
    "train.assistant_only_loss": st.booleans(),
    "train.gradient_checkpointing": st.booleans(),
    "train.train_sampling_strategy": choice("train.train_sampling_strategy"),
    "train.neftune_noise_alpha": st.none() | st.sampled_from([5.0, 0.5]),
    "train.dataloader_num_workers": st.integers(0, 64),
    "train.seed": st.integers(0, 2**31),
    "data.train_dataset": FILES | HUB | SOURCES,
    "data.eval_dataset": st.none() | FILES,
    "data.eval_fraction": SHARE,
    "data.max_train_samples": st.none() | st.integers(1, 10_000),
    "data.assistant_turns": choice("data.assistant_turns"),
    "eval.eval_steps": STEPS,
    "eval.per_device_eval_batch_size": st.just("auto") | st.integers(1, 64),
    "output.save_steps": STEPS,
    "output.save_total_limit": st.integers(1, 100),
    "output.load_best_model_at_end": st.booleans(),
    "report.report_to": st.lists(st.sampled_from(["tensorboard", "wandb", "trackio"]), unique=True),
    "report.run_name": st.none() | NAMES,
    "report.logging_steps": st.integers(1, 1000),
}


@st.composite
def presets(draw: st.DrawFn) -> Preset:
    values: dict[str, dict[str, Any]] = {}
    for name, strategy in VALUES.items():
        section, _, key = name.partition(".")
        values.setdefault(section, {})[key] = draw(strategy)
    width = draw(st.sampled_from(["load_in_4bit", "load_in_8bit", ""]))
    values["quantization"] |= {
        "load_in_4bit": width == "load_in_4bit",
        "load_in_8bit": width == "load_in_8bit",
    }
    return validate(values, {}, "a preset")


def comparable(tool: Tool, wanted: dict[str, Any]) -> set[str]:
    """The settings that must come back. Not these: an adapter's where there is none, 4-bit ones where nothing is in
    4 bits, steps of evaluations that there are none of, saving at each evaluation (it comes back as their steps).
    """
    names = set(tool.expresses - tool.lacks(wanted))
    if not wanted["lora.use_peft"]:
        names -= {name for name in names if name.startswith("lora.") and name != "lora.use_peft"}
    if not wanted["quantization.load_in_4bit"] or (tool.name == "axolotl" and not wanted["lora.use_peft"]):
        names -= {name for name in names if name.startswith("quantization.bnb_")}
    if tool.name in ("axolotl", "llamafactory") and wanted["model.dtype"] == "bfloat16":
        # Both switch bfloat16 on for it, which `auto` takes wherever there is any.
        names.discard("model.dtype")
    if not is_evaluated(wanted):
        names -= {"eval.eval_steps", "output.load_best_model_at_end"}
    if wanted["data.eval_dataset"] is not None:
        names -= {"data.eval_fraction"}
        if "data.eval_dataset" not in tool.expresses:
            names -= {"eval.eval_steps", "output.load_best_model_at_end", "output.save_steps"}
    if wanted["output.save_steps"] == "auto":
        names -= {"output.save_steps"}
    return names


@pytest.mark.parametrize("tool", WRITTEN, ids=lambda tool: tool.name)
@settings(max_examples=60)
@given(preset=presets())
def test_what_a_tool_can_express_comes_back(tool: Tool, preset: Preset) -> None:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"config{tool.suffix}"
        made = export(preset, tool, "a", target)
        target.write_text(made.text)
        for name, text in made.beside.items():
            (target.parent / name).write_text(text)
        found = propose(target)
    back, wanted = flat(validate(found.values, {}, "read back")), dict(flat(preset))
    for name in comparable(tool, wanted):
        assert back[name] == wanted[name], name


@pytest.mark.parametrize(
    "tool", [tool for tool in WRITTEN if tool.suffix == ".yaml"], ids=lambda tool: tool.name
)
@settings(max_examples=40)
@given(preset=presets())
def test_yaml_is_read_alike_by_what_the_other_tools_read_with(tool: Tool, preset: Preset) -> None:
    made = export(preset, tool, "a", Path("/nowhere/config.yaml"))
    told = yaml.safe_load(made.text)
    for key, value in config_of(flat(preset), tool).items():
        assert told[key] == value, key


@pytest.mark.parametrize("tool", WRITTEN, ids=lambda tool: tool.name)
def test_each_key_that_is_written_means_that_setting(tool: Tool) -> None:
    for ours, key in tool.writes.items():
        last = key.rpartition(".")[2]
        said = own_said(tool, "", last, None) or answer("", last, None)
        if said is None:
            assert f"{section_of(last)}.{last}" == ours
        else:
            assert (said.kind, said.ours.split(":")[0]) == (Kind.CALLED, ours)


@pytest.mark.parametrize("tool", WRITTEN, ids=lambda tool: tool.name)
def test_every_setting_it_expresses_is_one_and_is_tried(tool: Tool) -> None:
    untried = {"model.trust_remote_code", "data.columns", "data.train_split", "data.dataset_config_name"}
    for name in tool.expresses:
        assert field_named(name)
        known = (
            name in VALUES
            or name in untried
            or name.startswith("quantization.load_in")
            or name == "data.eval_split"
        )
        assert known, name
