"""`ftui export-config`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from runner.configs.export import Exported, export
from runner.preset import document, files
from runner.preset.errors import PresetError, Problem
from runner.preset.other_tools.tools import READ, WRITTEN
from runner.store.directory import ftui_home
from tui.cli import out
from tui.cli.parameters import PRESET, force_option, set_option


@click.command("export-config")
@PRESET
@click.option(
    "--to", "tool", required=True, type=click.Choice([tool.name for tool in WRITTEN]), help="The other tool."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="File to write. Without it: PRESET.TOOL.yaml here.",
)
@set_option()
@force_option("Overwrite what is there.")
def export_config(
    preset: str, tool: str, output: Path | None, overrides: tuple[str, ...], force: bool
) -> None:
    """Write a PRESET as a config of another tool: Axolotl, LLaMA-Factory, TRL, or a script for Unsloth.

    Every setting is written out, since the defaults of these tools differ. At the top of the file stands how it is
    started, and which settings of the preset the tool cannot express; these are printed, too. For LLaMA-Factory the
    dataset_info.json that it needs is written beside it. What is there is only overwritten when you say so.

    \b
    ftui export-config my-chats --to axolotl
    ftui export-config my-chats --to llamafactory -o ~/lf/my-chats.yaml
    ftui export-config my-chats --to unsloth --set train.num_train_epochs=1
    """
    loaded = files.load(preset, ftui_home(), overrides)
    other = READ[tool]
    target = (output or Path(f"{loaded.name}.{tool}{other.suffix}")).expanduser().absolute()
    made = export(loaded.preset, other, loaded.name, target)
    texts = {target: made.text, **{target.parent / name: text for name, text in made.beside.items()}}
    if not force:
        _ask_for([path for path in texts if path.exists()])
    for path, text in texts.items():
        document.write_text(path, text)
        out.echo(str(path))
    _tell(made, other.title)
    out.echo(f"Start it: {other.start.format(file=target.name)}")


def _ask_for(there: list[Path]) -> None:
    """Raises PresetError for files that are there and are not to be overwritten."""
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    for path in there:
        if not (terminal and out.confirm(f"{path} is there. Overwrite it?", default=False)):
            raise PresetError(
                [Problem(str(path), "", "is there already.\nName another with -o, or add --force.")]
            )


def _tell(made: Exported, title: str) -> None:
    for setting, value in made.left_out:
        out.echo(f"{title} cannot express {setting}: {value}")
