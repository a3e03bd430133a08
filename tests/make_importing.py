"""docs/importing.md, made from the tables of other tools (runner/preset/other_tools)."""

from __future__ import annotations

from collections.abc import Iterator

from runner.preset.fields import fields, to_text
from runner.preset.other_tools.script_calls import CALLS
from runner.preset.other_tools.tool import Tool
from runner.preset.other_tools.tools import WRITTEN

START = """\
# Configs of other tools, in and out

Made from the tables of other tools by `make reference`; do not edit.

    ftui import qlora.yaml                            # shown, asked, saved as a preset; --yes does not ask
    ftui import finetune.py --name support-chats      # the constants of a training script
    ftui check qlora                                  # what it means here
    ftui export-config qlora --to llamafactory        # and back, for another tool

## In

Read are the YAML of Axolotl, the YAML and JSON of LLaMA-Factory, the YAML of `trl sft --config`, that of Unsloth's
command line and studio, and Python scripts as tutorials write them. Which tool a file is of is told by its keys; where
they fit several you are asked, and without a terminal you say it: `--from trl`.

Every key is told with its line, under what became of it:

| | |
|---|---|
| Understood | what it is called here, and its value, converted: shares, opposite switches, lists in one text |
| Done by ftui without being told | how |
| Without a counterpart | why, or what there is instead |
| Names code | `plugins`, `trainer_cls`, prompt strategies, scripts of data sets: left out, nothing is run |
| Not known | with the nearest known key; look at these |
| Not set there | what the tool takes where nothing is set, written into the preset: the defaults differ in nearly all |

- Paths are relative to the file. Data sets of LLaMA-Factory are looked up by name in the `dataset_info.json` of
  `dataset_dir`: beside the file, in the folder you are in, or above the file.
- `trust_remote_code: true` is taken over with a warning: that code comes with the model, and would run.
- A script is parsed, never run: literal arguments of the calls below, and names that were set to a literal before.
  What is computed, or set in a branch or a loop, is said to be unknown; set it: `--set train.learning_rate=1e-4`.
- Where two keys set the same, the one of its own name holds before `adapter: qlora`, which says several, and one that
  is on before one that is off.
- Tokens are neither shown nor kept. Configs of preference or reinforcement training (`rl: dpo`, `stage: ppo`) are
  refused.
"""

OUT = """\
## Out

Every setting that the tool can express is written out; at the top stand how it is started, and what it cannot
express. For LLaMA-Factory `dataset_info.json` is written beside the file, for Unsloth a script. Nothing is overwritten
without `--force`, or a yes on the terminal. `auto` evaluations become ten over the run (`eval_steps: 0.1`), which is
read back as `auto`.

The rows stay as they are: the other tool wants to know what they look like, and the file says where.

What comes back the same by `ftui import`: all that the table names, but for an adapter's settings where there is none,
those of 4 bits where nothing is in 4 bits, the steps of evaluations that there are none of, `model.dtype: bfloat16` of
Axolotl and LLaMA-Factory (it comes back as `auto`, which takes it), and saving at each evaluation (as their steps).
"""


def page() -> str:
    """The page."""
    return "\n".join([START, *_calls(), OUT, *_mapping(), *_defaults()])


def _calls() -> Iterator[str]:
    yield "The calls: " + ", ".join(f"`{name}`" for name in CALLS) + ".\n"


def _mapping() -> Iterator[str]:
    yield "## Which key is which setting\n"
    yield "The keys that a config is written with. Many more are read, see [settings](settings.md#names-elsewhere).\n"
    yield "| setting | " + " | ".join(tool.title for tool in WRITTEN) + " |"
    yield "|---" * (len(WRITTEN) + 1) + "|"
    for one in fields():
        cells = [_key(tool, one.name) for tool in WRITTEN]
        if any(cells):
            yield f"| `{one.name}` | " + " | ".join(cells) + " |"
    alone = [
        f"`{one.name}`"
        for one in fields()
        if one.section and not any(_key(tool, one.name) for tool in WRITTEN)
    ]
    yield f"\nOf ftui alone: {', '.join(alone)}.\n"


def _key(tool: Tool, ours: str) -> str:
    names = tool.writes.get(ours) or tool.made_of.get(ours, "")
    return ", ".join(f"`{name}`" for name in names.split())


def _defaults() -> Iterator[str]:
    yield "## Defaults that are written out\n"
    yield "| tool | where nothing is set |"
    yield "|---|---|"
    for tool in WRITTEN:
        told = [f"`{key.rpartition('.')[2]}: {_told(value)}`" for key, value in tool.defaults.items()]
        yield f"| {tool.title} | {', '.join(told)} |"
    yield ""


def _told(value: object) -> str:
    return str(value.__doc__) if callable(value) else to_text(value) or "null"
