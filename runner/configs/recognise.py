"""Which tool a config is of: told by the keys that it alone has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runner.configs.source import ConfigFile
from runner.preset.errors import PresetError, Problem
from runner.preset.other_tools.script_calls import SCRIPT, UNSLOTH_CLASSES
from runner.preset.other_tools.tool import Tool
from runner.preset.other_tools.tools import READ, WRITTEN
from runner.preset.other_tools.unsloth import UNSLOTH
from runner.preset.schema import SECTIONS


@dataclass(frozen=True)
class Recognised:
    """The tool, and what tells."""

    tool: Tool
    why: str


class AmbiguousError(PresetError):
    """A config that fits several tools, or none; `candidates` are those to choose from."""

    def __init__(self, config: ConfigFile, candidates: tuple[Tool, ...]) -> None:
        names = " or ".join(tool.title for tool in candidates)
        what = f"could be of {names}: too few of its keys tell.\nSay which: --from {candidates[0].name}"
        super().__init__([Problem(str(config.path), "", what)])
        self.candidates = candidates


def recognise(config: ConfigFile, said: str | None = None) -> Recognised:
    """The tool of a config; `said` is its name where the user gave one. Raises PresetError, AmbiguousError for a file
    that fits several.
    """
    if config.is_script:
        return _script(config)
    if _is_preset(config):
        what = "is a preset of ftui already.\nLay it into the folder of your presets, or name its path."
        raise PresetError([Problem(str(config.path), "", what)])
    if said is not None:
        return Recognised(READ[said], "as you say")
    found = {name: tuple(_marks(config, tool)) for name, tool in READ.items()}
    best = max(map(len, found.values()))
    if not best:
        names = ", ".join(tool.title for tool in WRITTEN)
        what = f"has no key that tells a config of {names}.\nIs it one all the same, say so: --from axolotl"
        raise PresetError([Problem(str(config.path), "", what)])
    first = [READ[name] for name, marks in found.items() if len(marks) == best]
    if len(first) > 1:
        raise AmbiguousError(config, tuple(tool for tool in first if tool is not SCRIPT))
    marks = found[first[0].name]
    return Recognised(first[0], f"its keys {', '.join(marks[:4])}" + " …" * (len(marks) > 4))


def _is_preset(config: ConfigFile) -> bool:
    keys = set(config.tree)
    ours = keys <= {*SECTIONS, "extends", "description"} and bool({"train", "model", "extends"} & keys)
    # A config of Unsloth has its model there, as text.
    return ours and not isinstance(config.tree.get("model"), str)


def _marks(config: ConfigFile, tool: Tool) -> Iterator[str]:
    for mark in tool.marks.split():
        section, _, key = mark.rpartition(".")
        inside = config.tree.get(section) if section else config.tree
        if isinstance(inside, dict) and key in inside:
            yield mark


def _script(config: ConfigFile) -> Recognised:
    if not config.calls:
        calls = "SFTConfig, LoraConfig, from_pretrained …"
        what = f"has no call that sets up a training ({calls}).\nName the script that trains."
        raise PresetError([Problem(str(config.path), "", what)])
    names = [call.name for call in config.calls]
    unsloth = [name for name in names if name.split(".")[0] in UNSLOTH_CLASSES]
    return Recognised(SCRIPT, f"its calls of {', '.join(dict.fromkeys(unsloth or names))}")


def title_of(config: ConfigFile, tool: Tool) -> str:
    """What the tool is called where its defaults are meant."""
    if config.is_script and any(call.name.split(".")[0] in UNSLOTH_CLASSES for call in config.calls):
        return UNSLOTH.title
    return tool.title
