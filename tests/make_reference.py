"""docs/settings.md, rules.md, commands.md and importing.md, made from the schema, the rules, the command line and the
tables of other tools.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from runner.insight.lint import RULES, LintSeverity
from runner.preset.data_sections import MixSource
from runner.preset.fields import Field, fields, to_text
from runner.preset.files import shipped_folder
from runner.preset.json_schema import write_schema
from runner.preset.other_tools.answers import keys
from runner.preset.other_tools.said import Kind, Said
from runner.preset.other_tools.values import INSTEAD
from runner.preset.schema import SECTIONS, section_type
from runner.preset.validate import describe_schema
from tests import make_importing
from tui.cli import cli

SETTINGS, RULES_PAGE, COMMANDS, IMPORTING = "settings.md", "rules.md", "commands.md", "importing.md"

# What a verb fills in when it is asked for its help.
OTHER_TRAINERS = "[the logs of other trainers](foreign-runs.md)."

SETTINGS_START = """\
# Every setting of a preset

Made from the schema by `make reference`; do not edit. How presets are written, extended and overridden is in
[presets.md](presets.md). In the terminal `ftui presets NAME` shows every setting of a preset and the file and line it
comes from.

The names are those of the trainer (TRL, PEFT, transformers, bitsandbytes). A setting that is not written has its
default. *not set* stands for an empty value (`null`).
"""

RULES_START = """\
# Settings that are allowed and likely wrong

Made from the rules by `make reference`; do not edit. `ftui check PRESET` and the workbench name every rule that a
preset breaks, with the numbers of that preset and, where there is one, the change that mends it. An *error* refuses the
launch. A *warning* is likely a mistake, a *note* is worth knowing; with these the run starts all the same.

A rule that a preset breaks on purpose is named in it: `lint: {ignore: [epochs-many]}`. Errors cannot be ignored.
"""

NAMES_START = """\
A key of TRL, transformers, PEFT, Axolotl, LLaMA-Factory or Unsloth is answered wherever a preset or `--set` has it: in
a section, beside the sections (`trl sft --config` and the others write all keys flat), in a section of theirs
(`training_args:`), in an entry of a list of data sets. Where the value decides the answer, as with `adapter: qlora`, it
is looked at. Nothing is translated in silence.
"""

COMMANDS_START = """\
# Every command

Made from the command line by `make reference`; do not edit. `ftui --help` and `ftui VERB --help` say the same.

RUN is an id, a unique part of one, or `last`. PRESET is a name from `ftui presets` or a .yaml file. Errors that a user
can mend are one or two lines on standard error, with exit code 1; a wrong option or argument ends with exit code 2.
`NO_COLOR=1` draws the screen without colour, `FTUI_ASCII=1` without signs beyond ASCII. `FTUI_HOME` says where runs,
presets and the queue are kept.
"""


def files() -> dict[str, str]:
    """Every page by its name."""
    return {
        SETTINGS: settings_page(),
        RULES_PAGE: rules_page(),
        COMMANDS: commands_page(),
        IMPORTING: make_importing.page(),
    }


def settings_page() -> str:
    """docs/settings.md."""
    lines = [SETTINGS_START, *_contents(), "| key | what it is |", "|---|---|"]
    lines += [f"| `{one.key}` | {_cell(one.doc)} |" for one in fields() if not one.section]
    lines += ["| `extends` | The preset this one is built on: a name, or a path that ends in .yaml. |", ""]
    for name in SECTIONS:
        lines += [f"## {name}", "", (section_type(name).__doc__ or "").strip(), ""]
        lines += ["| setting | default | takes | what it does |", "|---|---|---|---|"]
        lines += [_row(one) for one in fields() if one.section == name]
        lines.append("")
        if name == "data":
            lines += _mix()
    return "\n".join([*lines, *_other_names()])


def _contents() -> Iterator[str]:
    yield " · ".join(f"[{name}](#{name})" for name in SECTIONS) + " · [names elsewhere](#names-elsewhere)"
    yield ""


def _row(one: Field) -> str:
    takes = ", ".join(f"`{choice}`" for choice in one.choices) if one.choices else _cell(one.expects)
    return f"| `{one.name}` | {_default(one)} | {takes} | {_cell(one.doc)} |"


def _default(one: Field) -> str:
    if one.required:
        return "*required*"
    return f"`{to_text(one.default)}`" if one.default not in (None, "") else "*not set*"


def _mix() -> Iterator[str]:
    yield "Each entry of `data.mix`:\n"
    yield "| key | default | takes | what it does |"
    yield "|---|---|---|---|"
    properties = MixSource.model_json_schema()["properties"]
    for key, field in MixSource.model_fields.items():
        default = (
            "*required*" if field.is_required() else f"`{field.default}`" if field.default else "*not set*"
        )
        doc = " ".join((field.description or "").split())
        yield f"| `{key}` | {default} | {describe_schema(properties[key])} | {_cell(doc)} |"
    yield ""


def _other_names() -> Iterator[str]:
    yield "## Names elsewhere\n"
    yield NAMES_START
    yield "### Called otherwise\n"
    yield from _names_table(Kind.CALLED, "here")
    yield "\n### Done by itself\n"
    yield from _names_table(Kind.BY_ITSELF, "why it can be left out")
    yield "\n### Not supported\n"
    yield from _names_table(Kind.UNSUPPORTED, "why, or what to do instead")
    yield "\n### Values elsewhere\n"
    yield "| setting | value there | write |"
    yield "|---|---|---|"
    for setting, values in INSTEAD.items():
        yield from (f"| `{setting}` | {_names(theirs)} | {_cell(ours)} |" for theirs, ours in values.items())
    yield ""


def _names_table(kind: Kind, heading: str) -> Iterator[str]:
    yield f"| there | {heading} |"
    yield "|---|---|"
    theirs: dict[Said, list[str]] = {}
    for name, said in keys().items():
        theirs.setdefault(said, []).append(name)
    for said, names in theirs.items():
        if said.kind is kind:
            ours = f"`{said.ours}`" + ". " * bool(said.words) if said.ours else ""
            yield f"| {_names(' '.join(names))} | {ours}{_cell(said.words)} |"


def _names(names: str) -> str:
    """Names of others; one that is meant in one section alone, 'eval.batch_size', is said so."""
    pairs = (name.rpartition(".") for name in names.split())
    return ", ".join(f"`{key}`" + f" in {section}" * bool(section) for section, _, key in pairs)


def _cell(text: str) -> str:
    """Text inside a table, its signs meaning themselves; code in backquotes is kept."""
    parts = text.split("`")
    for sign in "_*<[":
        parts[::2] = [part.replace(sign, f"\\{sign}") for part in parts[::2]]
    # This one ends a table's cell within code too.
    return "`".join(parts).replace("|", "\\|")


def rules_page() -> str:
    """docs/rules.md."""
    lines = [RULES_START]
    for severity in sorted(LintSeverity, reverse=True):
        found = sorted((rule for rule in RULES if rule.severity is severity), key=lambda rule: rule.id)
        lines += [f"## {severity.name.capitalize()}s ({len(found)})", "", "| id | why |", "|---|---|"]
        lines += [*(f"| `{rule.id}` | {_cell(rule.why)} |" for rule in found), ""]
    return "\n".join(lines)


def commands_page() -> str:
    """docs/commands.md."""
    found = list(_commands(cli, "ftui", None))
    lines = [COMMANDS_START, "| command | what it does |", "|---|---|"]
    for name, command, _ in found:
        first = inspect.cleandoc(command.help or "").split("\n\n")[0]
        lines.append(f"| [`{name}`](#{name.replace(' ', '-')}) | {_cell(' '.join(first.split()))} |")
    for name, command, ctx in found:
        lines += ["", f"## {name}", "", *_about(name, command, ctx)]
    return "\n".join([*lines, ""])


def _commands(
    command: click.Command, name: str, parent: click.Context | None
) -> Iterator[tuple[str, click.Command, click.Context]]:
    """A command and those below it, in the order of the help."""
    ctx = click.Context(command, info_name=name.rpartition(" ")[2], parent=parent)
    yield name, command, ctx
    if isinstance(command, click.Group):
        for below in command.list_commands(ctx):
            inner = command.get_command(ctx, below)
            if inner is not None:
                yield from _commands(inner, f"{name} {below}", ctx)


def _about(name: str, command: click.Command, ctx: click.Context) -> Iterator[str]:
    pieces = [name, *command.collect_usage_pieces(ctx)]
    yield f"```text\n{' '.join(pieces)}\n```"
    words = inspect.cleandoc(command.help or "").replace("{traces}", OTHER_TRAINERS)
    for text in words.split("\n\n"):
        yield ""
        if text.startswith("\b"):
            yield "```text\n" + text.removeprefix("\b").strip("\n") + "\n```"
        else:
            yield " ".join(text.split())
    options = [one for one in command.params if isinstance(one, click.Option)]
    records = [found for one in options if (found := one.get_help_record(ctx)) is not None]
    if records:
        yield from ("", "| option | |", "|---|---|")
        yield from (f"| {_cell(f'`{option}`')} | {_cell(text)} |" for option, text in records)


def write(folder: Path) -> None:
    """The pages of the reference, and the schema beside the shipped presets."""
    write_schema(shipped_folder())
    for name, text in files().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
