"""`ftui presets …`. Every verb imports what it needs inside itself, so that `ftui --help` is instant."""

from __future__ import annotations

import sys

import click

from tui.command import Nearest, tell


class PresetVerbs(Nearest):
    """`ftui presets NAME` is short for `ftui presets show NAME`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = next((arg for arg in args if not arg.startswith("-")), None)
        if first is not None and first not in self.commands:
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.group(cls=PresetVerbs, invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def presets(ctx: click.Context, as_json: bool) -> None:
    """List presets; with a NAME, show every setting of it and where it comes from."""
    from tui.verbs.presets import list_presets

    if ctx.invoked_subcommand is None:
        list_presets(as_json)


@presets.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def show_one(name: str, as_json: bool) -> None:
    """Show every setting of a preset, and the file and line it comes from."""
    from tui.verbs.presets import show_preset

    tell(lambda: show_preset(name, as_json))


@presets.command()
@click.argument("name")
@click.option(
    "--from", "base", default="qlora-quickstart", show_default=True, help="A preset, or a run (id or `last`)."
)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="SECTION.KEY=VALUE",
    help="Set one of its settings. Repeatable.",
)
def new(name: str, base: str, changes: tuple[str, ...]) -> None:
    """Make a preset NAME of your own, on top of another preset or with the settings of a run."""
    from tui.verbs.presets import new_preset

    tell(lambda: new_preset(name, base, changes))


@presets.command()
@click.argument("first")
@click.argument("second")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def diff(first: str, second: str, as_json: bool) -> None:
    """Show the settings in which two presets or runs differ. Exit code 1 when there are any."""
    from tui.verbs.presets import diff_presets

    sys.exit(tell(lambda: diff_presets(first, second, as_json)))


@presets.command()
def schema() -> None:
    """Print the JSON Schema of preset files, for editors that complete and check YAML."""
    from runner.preset.json_schema import json_schema
    from tui.verbs.text import print_json

    print_json(json_schema())
