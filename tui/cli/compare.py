"""`ftui compare`."""

from __future__ import annotations

import dataclasses
from typing import Any

import click

from runner.commands.compare import read_all
from runner.insight import answers
from runner.report import comparison
from tui.cli.parameters import json_option
from tui.cli.targets import target
from tui.cli.text import print_json, print_table


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="RUN RUN…")
@json_option()
def compare(names: tuple[str, ...], as_json: bool) -> None:
    """Hold runs against the first one: settings that differ, best evaluations, and whether the difference can be seen.

    \b
    ftui compare last qlora-8b-7f3a
    """
    runs = read_all([target(name).place for name in names])
    letters = [chr(ord("A") + i) if i < 26 else str(i) for i in range(len(runs))]
    sentences = [
        comparison.sentence(runs[0], other, (letters[0], letter))
        for other, letter in zip(runs[1:], letters[1:], strict=True)
    ]
    differences = comparison.differing(runs)
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
                "settings": dict(differences),
                "held_out": [_plain(comparison.held_out_difference(runs[0], run)) for run in runs[1:]],
                "answers": [_plain(comparison.answers_difference(runs[0], run)) for run in runs[1:]],
                "sentences": sentences,
            }
        )
        return
    print_table(
        [
            (
                letter,
                run.id,
                str(run.curves.step),
                run.best_words or "-",
                answers.short(run.answered),
                run.verdict.headline,
            )
            for letter, run in zip(letters, runs, strict=True)
        ],
        ("", "run", "steps", "best eval", "answers", "verdict"),
        optional="answers",
    )
    click.echo("")
    if differences:
        print_table(
            [(name, *(str(v) for v in values)) for name, values in differences], ("setting", *letters)
        )
    else:
        click.echo("All settings are alike.")
    click.echo("")
    for sentence in sentences:
        click.echo(sentence)


def _plain(value: Any) -> dict[str, Any] | None:
    return dataclasses.asdict(value) if value is not None else None
