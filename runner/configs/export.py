"""A preset as a config of another tool: every setting that it can express written out, all others named."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.configs.meaning import own_said
from runner.configs.unsloth_script import script_of
from runner.preset import yaml_elsewhere
from runner.preset.fields import fields, to_text
from runner.preset.other_tools.answers import answer
from runner.preset.other_tools.conversion import SAME
from runner.preset.other_tools.llamafactory import DATASET_INFO, LLAMA_FACTORY, dataset_info
from runner.preset.other_tools.tool import Settings, Tool
from runner.preset.other_tools.unsloth import UNSLOTH
from runner.preset.schema import SECTIONS, Preset
from runner.redaction.blotting import redacted

ROWS_LOOK = {
    "axolotl": "`type` says what the rows look like: chat_template, alpaca, completion …",
    "llamafactory": f"`formatting` in {DATASET_INFO} says what the rows look like: sharegpt or alpaca.",
    "trl": "The rows need a column messages, text, or prompt and completion.",
    "unsloth": "The rows need a column messages, text, or prompt and completion.",
}
# What an entry of several sources says beside its place.
OF_A_SOURCE: Mapping[str, Any] = {"weight": 1.0, "max_rows": None, "skip_rows": [], "columns": {}}


@dataclass(frozen=True)
class Exported:
    """The file's text, those of files beside it by name, and (setting, value) of what the tool cannot express."""

    text: str
    beside: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[tuple[str, str], ...] = ()


def export(preset: Preset, tool: Tool, name: str, target: Path) -> Exported:
    """Write a preset for another tool, to be kept in `target`, an absolute path."""
    settings = flat(preset)
    left_out = tuple(_left_out(settings, tool))
    values = config_of(settings, tool)
    if tool is LLAMA_FACTORY:
        # Relative to where its command is started, so in full.
        values = {**values, "dataset_dir": str(target.parent)}
    body = script_of(values, settings) if tool is UNSLOTH else yaml_elsewhere.text_of(values)
    # One line each, whatever a name has in it: a line that is no comment would be part of the config.
    lines = (" ".join(line.split()) for line in _header(preset, tool, name, target, left_out))
    header = "".join(f"# {line}\n" for line in lines)
    beside = {DATASET_INFO: _info(settings)} if tool is LLAMA_FACTORY else {}
    return Exported(header + "\n" + body, beside, left_out)


def flat(preset: Preset) -> Settings:
    """Every setting by 'section.key'."""
    values = preset.model_dump(mode="json")
    return {f"{section}.{key}": value for section in SECTIONS for key, value in values[section].items()}


def config_of(settings: Settings, tool: Tool) -> dict[str, Any]:
    """The keys and values of its config."""
    found = {key: _spelled(tool, key, settings[ours]) for ours, key in tool.writes.items()}
    if not settings["lora.use_peft"] and tool is not UNSLOTH:
        found = {
            key: found[key]
            for ours, key in tool.writes.items()
            if not ours.startswith("lora.") or ours == "lora.use_peft"
        }
    return {**found, **tool.makes(settings)}


def _spelled(tool: Tool, key: str, value: Any) -> Any:
    last = key.rpartition(".")[2]
    said = own_said(tool, "", last, None) or answer("", last, None)
    return (said.by if said is not None else SAME).writes(value)


def _info(settings: Settings) -> str:
    return json.dumps(dataset_info(settings), indent=2, ensure_ascii=False) + "\n"


def _left_out(settings: Settings, tool: Tool) -> Iterator[tuple[str, str]]:
    expressed = tool.expresses - tool.lacks(settings)
    several = settings["data.train_dataset"] if isinstance(settings["data.train_dataset"], list) else []
    if several and settings["data.eval_dataset"] is None:
        # A split of which of them is not said.
        expressed -= {"data.eval_split"}
    for one in fields():
        if one.section and one.name not in expressed and settings[one.name] != one.default:
            yield one.name, to_text(settings[one.name]) or "null"
    taken = {"max_rows"} if tool is LLAMA_FACTORY else set()
    taken |= {"columns"} if "data.columns" in expressed else set()
    for number, source in enumerate(several, start=1):
        for key, default in OF_A_SOURCE.items():
            if key not in taken and source[key] != default:
                yield f"data.train_dataset, {key} of source {number}", to_text(source[key])


def _header(
    preset: Preset, tool: Tool, name: str, target: Path, left_out: tuple[tuple[str, str], ...]
) -> Iterator[str]:
    yield f"Preset {name} of ftui, for {tool.title}."
    if preset.description:
        yield redacted(preset.description)
    yield f"Start it: {tool.start.format(file=target.name)}"
    yield ROWS_LOOK[tool.name]
    if left_out:
        yield f"{tool.title} cannot express:"
        yield from (f"- {setting}: {value}" for setting, value in left_out)
