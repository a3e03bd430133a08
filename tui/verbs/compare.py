"""`ftui compare`."""

from __future__ import annotations

import dataclasses

import click

from runner.report import comparison
from runner.run import directory
from tui.verbs.text import print_json, print_table


def compare(names: tuple[str, ...], as_json: bool) -> None:
    """Print several runs side by side, the first as the one the others are held against. Raises RunNotFoundError."""
    home = directory.ftui_home()
    runs = [comparison.read(directory.find_run(name, home)) for name in names]
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
                        "best": dataclasses.asdict(run.best) if run.best else None,
                        "verdict": run.verdict.headline,
                    }
                    for run in runs
                ],
                "settings": dict(differences),
                "held_out": [
                    dataclasses.asdict(found)
                    if (found := comparison.held_out_difference(runs[0], run))
                    else None
                    for run in runs[1:]
                ],
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
                run.verdict.headline,
            )
            for letter, run in zip(letters, runs, strict=True)
        ],
        ("", "run", "steps", "best eval", "verdict"),
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
