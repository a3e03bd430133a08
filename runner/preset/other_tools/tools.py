"""The other tools whose configs are read and written."""

from __future__ import annotations

from collections.abc import Mapping

from runner.preset.other_tools.axolotl import AXOLOTL
from runner.preset.other_tools.llamafactory import LLAMA_FACTORY
from runner.preset.other_tools.script_calls import SCRIPT
from runner.preset.other_tools.tool import Tool
from runner.preset.other_tools.trl import TRL
from runner.preset.other_tools.unsloth import UNSLOTH

WRITTEN: tuple[Tool, ...] = (AXOLOTL, LLAMA_FACTORY, TRL, UNSLOTH)
READ: Mapping[str, Tool] = {tool.name: tool for tool in (*WRITTEN, SCRIPT)}
