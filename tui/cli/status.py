"""`ftui status`: one line for a status bar or a prompt."""

from __future__ import annotations

import click

from runner.insight.diagnosis import Severity, is_remark
from runner.store import directory
from runner.store.events import Phase
from tui.cli import out
from tui.models.run_view import RunRow
from tui.services.run_reader import read_row

# Runs that ended long ago are no news.
SHOWN = 3
# A living run is hardly older than the newest five hundred.
LOOKED_AT = 500
SIGNS = {Phase.FINISHED: "✔", Phase.STOPPED: "■", Phase.FAILED: "✖", Phase.LOST: "✖"}
COLOURS = {Severity.WARNING: "yellow", Severity.CRITICAL: "red", Severity.ERROR: "red"}


@click.command()
@click.option("--tmux", is_flag=True, help="With tmux's colours.")
def status(tmux: bool) -> None:
    """One line on the runs that live, for a status bar.

    \b
    set -g status-right '#(ftui status --tmux)'        in ~/.tmux.conf
    """
    home = directory.ftui_home()
    rows = [read_row(run) for run in directory.list_runs(home)[:LOOKED_AT]]
    queued = [row for row in rows if row.phase is Phase.QUEUED]
    living = [row for row in rows if not row.phase.is_over and row not in queued]
    shown = living or ([] if queued else rows[:1])
    words = [_words(row, tmux) for row in shown[:SHOWN]]
    out.echo("  ".join([*words, *([f"◌ {len(queued)} queued"] if queued else [])]))


def _words(row: RunRow, tmux: bool) -> str:
    """'● demo 412/1200 34 % 1.214 ▲ overfitting'."""
    parts = [SIGNS.get(row.phase, "●"), row.name]
    if row.total_steps:
        parts.append(f"{row.step}/{row.total_steps} {100 * (row.progress or 0):.0f} %")
    if row.loss is not None:
        parts.append(f"{row.loss:.3f}")
    text = " ".join(parts)
    if row.severity < Severity.WARNING:
        # A remark is no alarm: without colour.
        remark = f" △ {row.verdict}" if is_remark(row.verdict) else ""
        return _escaped(f"{text}{remark}", tmux)
    warning = f"▲ {row.verdict}"
    if not tmux:
        return f"{text} {warning}"
    colour = COLOURS.get(Severity(min(row.severity, Severity.ERROR)), "yellow")
    return f"{_escaped(text, tmux)} #[fg={colour}]{_escaped(warning, tmux)}#[default]"


def _escaped(text: str, tmux: bool) -> str:
    # tmux reads # as the beginning of a format.
    return text.replace("#", "##") if tmux else text
