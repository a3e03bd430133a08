"""`ftui presets`."""

from __future__ import annotations

import sys
from typing import Any

import click

from runner import places
from runner.preset import files
from runner.preset.draft import Draft
from runner.preset.errors import PresetError, Problem, nearest
from runner.preset.fields import Field, FieldKind, field_named, fields, to_text
from runner.preset.json_schema import json_schema, write_schema
from runner.preset.refused_secrets import refuse_override
from runner.preset.schema import SECTIONS
from runner.preset.section import LOCAL_FILE, LOCAL_OR_HUB
from runner.preset.unknown_keys import is_known, what_is_unknown
from runner.store import directory
from runner.store.directory import RunNotFoundError, ftui_home
from tui.cli import out
from tui.cli.lazy import NearestGroup
from tui.cli.parameters import json_option, set_option
from tui.cli.text import print_json, print_table


class PresetVerbs(NearestGroup):
    """`ftui presets NAME` is short for `ftui presets show NAME`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = next((arg for arg in args if not arg.startswith("-")), None)
        if first is not None and first not in self.commands:
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.group(cls=PresetVerbs, invoke_without_command=True)
@json_option()
@click.pass_context
def presets(ctx: click.Context, as_json: bool) -> None:
    """List presets; with a NAME, show every setting of it and where it comes from."""
    if ctx.invoked_subcommand is None:
        _list(as_json)


def _list(as_json: bool) -> None:
    """Print every preset, broken ones with what is wrong with them."""
    home = ftui_home()
    rows: list[dict[str, object]] = []
    for found in files.list_presets(home):
        try:
            preset = files.load(str(found.path), home).preset
            method: str
            method, description = preset.method, preset.description
        except PresetError as error:
            method, description = "broken", str(error.problems[0])
        rows.append(
            {"name": found.name, "method": method, "shipped": found.shipped, "description": description}
        )
    if as_json:
        print_json(rows)
        return
    table = [
        (str(r["name"]), str(r["method"]), "ftui" if r["shipped"] else "own", str(r["description"]))
        for r in rows
    ]
    print_table(table, ("preset", "method", "from", "for"))
    out.echo(out.styled(f"Your own presets: {files.own_folder(home)}/NAME.yaml", dim=True))


@presets.command()
@click.argument("name")
@json_option()
def show(name: str, as_json: bool) -> None:
    """Show every setting of a preset, and the file and line it comes from."""
    loaded = files.load(name, ftui_home())
    values = loaded.preset.model_dump(mode="json")
    if as_json:
        print_json(values)
        return
    out.echo(f"{loaded.name}  {loaded.preset.method}  {loaded.path}")
    for section in SECTIONS:
        out.echo(out.styled(f"{section}:", bold=True))
        rows = []
        for key, value in values[section].items():
            origin = loaded.origins.get((section, key))
            rows.append(
                (
                    f"  {key}:",
                    "null" if value is None else to_text(value),
                    f"{origin.file.rsplit('/', 1)[-1]}:{origin.line}" if origin else "",
                )
            )
        widths = [max(len(row[i]) for row in rows) for i in range(2)]
        for key, value, where in rows:
            out.echo(f"{key.ljust(widths[0])} {value.ljust(min(widths[1], 60))}  {where or 'default'}")


@presets.command()
@click.argument("name")
@click.option(
    "--from", "base", default="qlora-quickstart", show_default=True, help="A preset, or a run (id or `last`)."
)
@set_option("Set one of its settings. Repeatable.")
def new(name: str, base: str, overrides: tuple[str, ...]) -> None:
    """Make a preset NAME of your own, on top of another preset or with the settings of a run."""
    draft = draft_of(base, name)
    set_all(draft, overrides)
    draft.snapshot().validated()
    path = draft.save()
    write_schema(path.parent)
    out.echo(str(path))


def set_all(draft: Draft, overrides: tuple[str, ...]) -> None:
    """Set each SECTION.KEY=VALUE in a new preset. Raises PresetError."""
    for text in overrides:
        refuse_override(text)
        key, equals, value = text.partition("=")
        try:
            field = field_named(key.strip())
        except KeyError:
            raise PresetError([Problem("--set", key, _unknown_setting(key.strip(), value))]) from None
        if not equals:
            raise PresetError([Problem("--set", text, "write it as section.key=value")])
        draft.set_text(field, from_here(field, value))


def _unknown_setting(key: str, value: str) -> str:
    path = tuple(key.split("."))
    if is_known(path) and (len(path) == 1 or path[0] in SECTIONS):
        return what_is_unknown(path, value)
    return f"there is no such setting.{nearest(key, [one.name for one in fields()])}"


@presets.command()
@click.argument("first")
@click.argument("second")
@json_option()
def diff(first: str, second: str, as_json: bool) -> None:
    """Show the settings in which two presets or runs differ. Exit code 1 when there are any."""
    a, b = (_values(name) for name in (first, second))
    found = {
        field.name: (one, other)
        for field in fields()
        if field.section and (one := _value(a, field)) != (other := _value(b, field))
    }
    if as_json:
        print_json({key: list(pair) for key, pair in found.items()})
    elif found:
        print_table(
            [(key, to_text(one), to_text(other)) for key, (one, other) in found.items()],
            ("setting", first, second),
        )
    else:
        out.echo("no setting differs")
    sys.exit(int(bool(found)))


@presets.command()
def schema() -> None:
    """Print the JSON Schema of preset files, for editors that complete and check YAML."""
    print_json(json_schema())


def draft_of(base: str, name: str) -> Draft:
    """A new preset on top of another one, or with the settings of a run. Raises PresetError or RunNotFoundError."""
    home = ftui_home()
    if not files.is_name(name):
        raise PresetError(
            [
                Problem(
                    "name",
                    name,
                    "a name has letters, digits, dots, dashes and underscores, and no .yaml at its end",
                )
            ]
        )
    if any(preset.shipped and preset.name == name for preset in files.list_presets(home)):
        raise PresetError(
            [Problem("name", name, "a preset of this name ships with ftui; give yours another")]
        )
    if name == base:
        raise PresetError([Problem("name", name, "a preset cannot build on itself; give it another name")])
    known = {preset.name for preset in files.list_presets(home)}
    if base.endswith((".yaml", ".yml")):
        return Draft.extending(str(files.find(base, home)), home, name)
    if base in known:
        return Draft.extending(base, home, name)
    try:
        run = directory.find_run(base, home)
    except RunNotFoundError as error:
        hint = nearest(base, known)
        raise RunNotFoundError(f"{base!r} is neither a preset nor a run.{hint} {error}") from None
    return Draft.of_preset(files.load_frozen(run.preset), home, name, f"The settings of run {run.id}.")


def from_here(field: Field, text: str) -> str:
    """What was typed, its path made absolute against the folder one is in, as `ftui run --set` does."""
    if field.kind is not FieldKind.PATH:
        return text
    return files.absolute(text, places.standing(), LOCAL_OR_HUB if field.hub else LOCAL_FILE)


def _values(name: str) -> dict[str, Any]:
    home = ftui_home()
    try:
        preset = files.load(name, home).preset
    except PresetError as error:
        try:
            preset = files.load_frozen(directory.find_run(name, home).preset)
        except RunNotFoundError as other:
            # A name that fits several runs is a run that is not named well enough, not a preset that is missing.
            raise (other if "runs have" in str(other) else error) from None
    return preset.model_dump(mode="json")


def _value(values: dict[str, Any], field: Field) -> Any:
    return values[field.section][field.key]
