"""`ftui diagnose` and `explain`: what is found in a run, and what it means. Every verb imports what it needs inside
itself.
"""

from __future__ import annotations

import sys

import click

from tui.command import NAMES, NamesTraces


@click.command(cls=NamesTraces)
@click.argument("path_or_run", metavar="PATH_OR_RUN")
@click.option("--json", "as_json", is_flag=True, help="Everything as one JSON object.")
@click.option("--map", "names", default="", metavar=NAMES, help="Which column of a table is what.")
def diagnose(path_or_run: str, as_json: bool, names: str) -> None:
    """Judge a run by its curves: one of ftui, or PATH, what another trainer left.

    PATH is a file, an output directory, or a folder above some, of which the newest run is read; it may still be
    training. RUN is an id, a unique part of one, or `last`. Read are:

    {traces}

    Exit code 0 when nothing is wrong, 1 when something found is a warning or worse, 2 when it cannot be read.

    \b
    ftui diagnose last
    ftui diagnose ./outputs                        an output directory with checkpoints, or with runs/
    ftui diagnose saves/llama3/trainer_log.jsonl
    ftui diagnose train.log --json
    ftui diagnose my_log.csv --map loss=nll,step=batch
    """
    from tui.verbs.diagnose import diagnose_run

    sys.exit(diagnose_run(path_or_run, as_json, names))


@click.command()
@click.argument("finding", required=False, metavar="[FINDING]")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def explain(finding: str | None, as_json: bool) -> None:
    """Say what a FINDING means: how it looks, how it is computed, what to do, and what it is not.

    FINDING is a slug as `ftui diagnose` and report.md name it; without one, all are listed.

    \b
    ftui explain
    ftui explain overfitting
    ftui explain "learning rate too high"
    """
    from tui.verbs.explain import explain as explain_finding

    explain_finding(finding, as_json)


JUDGING = (diagnose, explain)
