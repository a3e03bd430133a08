"""`ftui import`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import click

from runner.configs.drafted import draft_of, refuse_unfinished
from runner.configs.line import Line
from runner.configs.meaning import Fate
from runner.configs.proposal import Proposal, propose
from runner.configs.recognise import AmbiguousError
from runner.preset.draft import Draft
from runner.preset.json_schema import write_schema
from runner.preset.other_tools.tools import READ
from runner.store.directory import ftui_home
from tui.cli import out
from tui.cli.parameters import set_option
from tui.cli.presets import set_all

HEADINGS = {
    Fate.UNDERSTOOD: "Understood",
    Fate.BY_ITSELF: "Done by ftui without being told",
    Fate.UNSET: "Left empty there",
    Fate.NO_COUNTERPART: "Without a counterpart, left out",
    Fate.CODE: "Names code, left out",
    Fate.UNKNOWN: "Not known, left out: look at these",
}


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="Name of the preset. Without it: that of the file.")
@click.option(
    "--from",
    "tool",
    type=click.Choice(list(READ)),
    help="Which tool the file is of, where its keys do not tell.",
)
@set_option("Set a setting that the file does not tell, or tells otherwise. Repeatable.")
@click.option("--yes", is_flag=True, help="Save the preset without asking.")
def import_(file: Path, name: str | None, tool: str | None, overrides: tuple[str, ...], yes: bool) -> None:
    """Make a preset of a FILE of another tool: a config of Axolotl, LLaMA-Factory, TRL or Unsloth, or a script.

    Every key of the file is told with its line: what it is called here, that ftui does it without being told, or that
    it has no counterpart and why. What the other tool takes where nothing is set is written out, so that the preset
    trains the same. Of a Python script the constants in known calls are read (SFTConfig, LoraConfig …); nothing in a
    file is ever run. The preset is shown before it is saved.

    \b
    ftui import qlora.yaml
    ftui import train.yaml --from llamafactory --name support-chats --yes
    ftui import finetune.py --set data.train_dataset=./chats.jsonl
    """
    home = ftui_home()
    proposal = _proposed(file, tool)
    _print_lines(proposal)
    draft = draft_of(proposal, home, name)
    set_all(draft, overrides)
    if not overrides:
        refuse_unfinished(proposal)
    draft.snapshot().validated()
    _print_preset(draft)
    if not yes:
        _ask_for(draft.name)
    path = draft.save()
    write_schema(path.parent)
    out.echo(str(path))
    out.echo(f"Next: ftui check {draft.name}")


def _proposed(file: Path, tool: str | None) -> Proposal:
    try:
        return propose(file, tool)
    except AmbiguousError as error:
        if not _on_terminal():
            raise
        for number, candidate in enumerate(error.candidates, 1):
            out.echo(f"{number:>3}  {candidate.title}")
        chosen = error.candidates[out.ask_number("Which tool is it of", len(error.candidates)) - 1]
        return propose(file, chosen.name)


def _print_lines(proposal: Proposal) -> None:
    title, why = proposal.recognised.tool.title, proposal.recognised.why
    out.echo(out.styled(f"{proposal.config.name}: {title}, told by {why}", bold=True))
    written = [line for line in proposal.lines if line.is_in_file]
    for fate, heading in HEADINGS.items():
        _print_group(heading, [line for line in written if line.fate is fate])
    _print_group("Not set there: the tool's defaults", [one for one in proposal.lines if not one.is_in_file])


def _print_group(heading: str, lines: Iterable[Line]) -> None:
    shown = [(str(line.number or ""), f"{line.key}: {line.shown}", line.becomes) for line in lines]
    if not shown:
        return
    out.echo()
    out.echo(out.styled(f"{heading} ({len(shown)})", bold=True))
    for number, key, becomes in shown:
        out.echo(f"{number:>5}  {key}", out.styled(f"  →  {becomes}" if becomes else "", dim=True))


def _print_preset(draft: Draft) -> None:
    out.echo()
    out.echo(out.styled(f"{draft.name}.yaml", bold=True))
    out.echo_lines(draft.yaml().rstrip("\n"))
    out.echo()


def _ask_for(name: str) -> None:
    if not _on_terminal():
        raise click.UsageError("Nothing is saved: there is no terminal to ask on. Say --yes.")
    if not out.confirm(f"Save this preset as {name}?", default=True):
        raise click.Abort()


def _on_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()
