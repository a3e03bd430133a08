"""`ftui presets`."""

from __future__ import annotations

import click

from runner.preset import files
from runner.preset.errors import PresetError
from runner.preset.schema import SECTIONS
from runner.run.directory import ftui_home
from tui.verbs.text import print_json, print_table


def list_presets(as_json: bool) -> None:
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
    click.secho(f"Your own presets: {files.own_folder(home)}/NAME.yaml", dim=True)


def show_preset(name: str, as_json: bool) -> None:
    """Print every setting of a preset with the file and line it comes from. Raises PresetError."""
    loaded = files.load(name, ftui_home())
    values = loaded.preset.model_dump(mode="json")
    if as_json:
        print_json(values)
        return
    click.echo(f"{loaded.name}  {loaded.preset.method}  {loaded.path}")
    for section in SECTIONS:
        click.secho(f"{section}:", bold=True)
        rows = []
        for key, value in values[section].items():
            origin = loaded.origins.get((section, key))
            rows.append(
                (f"  {key}:", str(value), f"{origin.file.rsplit('/', 1)[-1]}:{origin.line}" if origin else "")
            )
        widths = [max(len(row[i]) for row in rows) for i in range(2)]
        for key, value, where in rows:
            click.echo(f"{key.ljust(widths[0])} {value.ljust(min(widths[1], 60))}  {where or 'default'}")
