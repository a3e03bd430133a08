"""`ftui compare`."""

from __future__ import annotations

import dataclasses
from typing import Any

import click

from runner.commands.compare import read_all
from runner.report import comparison
from tui.cli import out
from tui.cli.parameters import json_option
from tui.cli.run_source import source_of
from tui.cli.text import print_json, print_table


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="RUN RUN…")
@json_option()
def compare(names: tuple[str, ...], as_json: bool) -> None:
    """Hold runs against the first one: settings that differ, best evaluations, and whether the difference can be seen.

    \b
    ftui compare last qlora-8b-7f3a
    """
    runs = read_all([source_of(name).place for name in names])
    words = comparison.side_by_side(runs)
    if as_json:
        print_json(
            {
                "runs": [
                    {
                        "id": run.id,
                        "best": _plain(run.best),
                        "answers": _plain(run.answered),
                        "verdict": run.verdict.headline,
                    }
                    for run in runs
                ],
                "settings": dict(comparison.differing(runs)),
                "held_out": [_plain(comparison.held_out_difference(runs[0], run)) for run in runs[1:]],
                "answers": [_plain(comparison.answers_difference(runs[0], run)) for run in runs[1:]],
                "sentences": list(words.sentences),
            }
        )
        return
    print_table([[cell or "-" for cell in row] for row in words.rows], words.heads)
    out.echo("")
    if words.settings:
        letters = [row[0] for row in words.rows]
        print_table([(name, *values) for name, values in words.settings], ("setting", *letters))
    else:
        out.echo("All settings are alike.")
    out.echo("")
    for sentence in words.sentences:
        out.echo(sentence)


def _plain(value: Any) -> dict[str, Any] | None:
    return dataclasses.asdict(value) if value is not None else None
